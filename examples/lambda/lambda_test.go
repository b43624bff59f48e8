package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

const zones = `
$ORIGIN good.test.
_a79 CNAME _424.xyz.acm-validations.aws.
$ORIGIN doubled.test.
_a79.doubled.test.doubled.test. CNAME _424.xyz.acm-validations.aws.
`

func testHandler() handler {
	in := resolvertest.MustParse(zones)
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	if err != nil {
		panic(err)
	}
	return handler{checker: &validate.Checker{Resolver: in, Roots: roots, Lean: true}}
}

// asFunction is set in the environment of a process that is to be the function itself.
const asFunction = "ACMDOCTOR_TEST_AS_FUNCTION"

// TestMain is the function where that is wanted, on a fake internet in place of the real one: AWS's runtime client never
// returns.
func TestMain(m *testing.M) {
	if os.Getenv(asFunction) != "" {
		lambda.Start(testHandler().handle)
		return
	}
	os.Exit(m.Run())
}

// invocation is an event for the function, and what it answered.
type invocation struct {
	event    string
	deadline time.Duration
	path     string // of the answer, without the request's ID: response or error
	body     string
}

// runtimeAPI is the server that Lambda runs beside a function (Lambda Developer Guide, "Using the Lambda runtime API for
// custom runtimes"). It hands out the invocations one after the other and then says nothing more.
func runtimeAPI(t *testing.T, invocations []*invocation) (address string, done chan struct{}) {
	t.Helper()
	next := 0
	done = make(chan struct{})
	ended := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		if next == len(invocations) {
			close(done)
			<-ended
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprint("request-", next))
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(invocations[next].deadline).UnixMilli()))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:check")
		_, _ = io.WriteString(w, invocations[next].event)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, fmt.Sprint("request-", next), r.PathValue("id"))
		invocations[next].path, invocations[next].body = r.PathValue("kind"), string(body)
		next++
		w.WriteHeader(http.StatusAccepted)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(func() { close(ended); server.Close() })
	return strings.TrimPrefix(server.URL, "http://"), done
}

// AWS's own runtime client, in a process as Lambda starts it, against a server of the runtime API.
func TestFunction(t *testing.T) {
	item := func(id, domain string) string {
		return fmt.Sprintf(`{"id":%q,"name":"_a79.%s.","value":"_424.xyz.acm-validations.aws."}`, id, domain)
	}
	good := &invocation{deadline: time.Minute, event: `{"Items":[` + item("a", "good.test") + `,` + item("b", "doubled.test") +
		`,{"id":"c","name":"_a79..x.test","value":"v"},` + item("d", "good.test") + `]}`}
	late := &invocation{deadline: time.Second, event: `{"Items":[` + item("a", "good.test") + `]}`}
	empty := &invocation{deadline: time.Minute, event: `{"hello":1}`}
	address, done := runtimeAPI(t, []*invocation{good, late, empty})

	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), asFunction+"=1", "AWS_LAMBDA_RUNTIME_API="+address)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	require.NoError(t, cmd.Start())
	<-done
	cancel()
	_ = cmd.Wait() // it was killed

	require.Equal(t, "response", good.path, good.body)
	var a answer
	require.NoError(t, json.Unmarshal([]byte(good.body), &a))
	assert.Equal(t, []int{2, 2, 0}, []int{a.Valid, a.Invalid, a.Undetermined})
	require.Len(t, a.Results, 4)
	assert.Equal(t, result{Item: 0, ID: "a", Name: "_a79.good.test.", Verdict: validate.Valid}, a.Results[0])
	assert.Equal(t, validate.ID("name-doubled"), a.Results[1].Rule)
	assert.NotEmpty(t, a.Results[1].Message)
	assert.Equal(t, validate.ID("input-invalid"), a.Results[2].Rule)
	assert.Equal(t, 2, a.Results[2].Item)
	assert.Equal(t, "d", a.Results[3].ID)

	require.Equal(t, "response", late.path, late.body)
	require.NoError(t, json.Unmarshal([]byte(late.body), &a))
	assert.Equal(t, validate.Undetermined, a.Results[0].Verdict, "what was not checked is not guessed")
	assert.Equal(t, validate.ID("check-incomplete"), a.Results[0].Rule)

	require.Equal(t, "error", empty.path)
	assert.Contains(t, empty.body, "the event has no Items")
}

func TestAnswerIsShort(t *testing.T) {
	const most = 256 << 10 // Step Functions passes no more from state to state
	var items []json.RawMessage
	long := strings.Repeat("x", 60)
	for i := range 400 {
		items = append(items, json.RawMessage(fmt.Sprintf(`{"id":"%d","name":"_a79.%s.%s.test.","value":"_424.xyz.acm-validations.aws."}`, i, long, long)))
	}
	a, err := testHandler().handle(t.Context(), batch{items})
	require.NoError(t, err)
	assert.Equal(t, 400, a.Invalid)
	body, err := json.Marshal(a)
	require.NoError(t, err)
	assert.Less(t, len(body), most)
}

// What Lambda is given and what Step Functions is told belong together.
func TestStateMachine(t *testing.T) {
	text, err := os.ReadFile("statemachine.asl.json")
	require.NoError(t, err)
	type state struct {
		Type        string
		Resource    string
		End         bool
		Next        string
		ItemReader  struct{ ReaderConfig struct{ InputType string } }
		ItemBatcher struct{ MaxItemsPerBatch int }
		Arguments   json.RawMessage
		Processor   *struct {
			ProcessorConfig struct{ Mode string }
			StartAt         string
			States          map[string]json.RawMessage
		} `json:"ItemProcessor"`
		TimeoutSeconds int
	}
	var machine struct {
		StartAt string
		States  map[string]state
	}
	require.NoError(t, json.Unmarshal(text, &machine))
	audit, ok := machine.States[machine.StartAt]
	require.True(t, ok, "it starts at a state that there is")
	assert.Equal(t, "Map", audit.Type)
	assert.True(t, audit.End)
	assert.Equal(t, "JSONL", audit.ItemReader.ReaderConfig.InputType)
	assert.LessOrEqual(t, audit.ItemBatcher.MaxItemsPerBatch, 400, "as many as TestAnswerIsShort answers for")
	require.NotNil(t, audit.Processor)
	assert.Equal(t, "DISTRIBUTED", audit.Processor.ProcessorConfig.Mode)
	var check state
	require.NoError(t, json.Unmarshal(audit.Processor.States[audit.Processor.StartAt], &check))
	assert.Equal(t, "Task", check.Type)
	assert.True(t, check.End)

	template, err := os.ReadFile("template.yaml")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllSubmatch(text, -1) {
		assert.Contains(t, string(template), "\n        "+string(m[1])+": ", "every substitution has its value")
	}
	assert.Contains(t, string(template), "DefinitionUri: statemachine.asl.json")
	assert.Contains(t, string(template), "Timeout: 120\n")
	assert.Greater(t, check.TimeoutSeconds, 120, "the function ends before Step Functions gives it up")
}
