package audit_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/audit"
)

// audited is the output and the summary of a run over 300 items.
func audited(t *testing.T) (string, audit.Summary) {
	t.Helper()
	var out bytes.Buffer
	sum, err := (&audit.Run{Check: newLab(1).check, Output: &out}).Do(t.Context(), items(input(300)))
	require.NoError(t, err)
	sum.Began, sum.Elapsed = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), 1500*time.Millisecond
	return out.String(), sum
}

func TestSummaryText(t *testing.T) {
	_, sum := audited(t)
	var b strings.Builder
	sum.Zones = audit.Top{Most: 10}
	for _, z := range []string{"b.test.", "a.test.", "b.test."} {
		sum.Zones.Add(z)
	}
	require.NoError(t, (&audit.Text{}).WriteSummary(&b, sum))
	assert.Equal(t, `300 records: 247 valid, 33 invalid, 20 undetermined; 20 of the valid with a warning; 3 of the invalid not readable
1.5s, 200 records/s, 1485 questions

by rule               records  as the cause  what is wrong
  record-missing      30       30            error: nothing of use is at the name
  server-lame         20       20            warning: a name server that the zone is delegated to does not serve it
  server-unreachable  20       20            error: a name server does not answer
  input-invalid       3        3             error: this is not an ACM validation record

by zone    not valid
  b.test.  2
  a.test.  1

by provider  valid  invalid  undetermined
  route53    0      30       0
  not known  247    0        20
`, b.String())
}

func TestPrometheusIsRead(t *testing.T) {
	_, sum := audited(t)
	sum.Changes = map[audit.Change]int{audit.Broken: 3}
	sum.Zones.Add("we\"ird\\\n.test.")
	sum.Zones.Add("we\"ird\\\n.test.")
	var b bytes.Buffer
	require.NoError(t, audit.WritePrometheus(&b, sum, time.Unix(1795600000, 0)))
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(&b)
	require.NoError(t, err)
	value := func(family string, labels ...string) float64 {
		for _, m := range families["acmdoctor_audit_"+family].GetMetric() {
			got := []string{}
			for _, l := range m.GetLabel() {
				got = append(got, l.GetName(), l.GetValue())
			}
			if assert.ObjectsAreEqual(append([]string{}, labels...), got) {
				return m.GetGauge().GetValue()
			}
		}
		t.Errorf("no sample %s %q", family, labels)
		return -1
	}
	assert.Equal(t, 247.0, value("records", "verdict", "valid"))
	assert.Equal(t, 33.0, value("records", "verdict", "invalid"))
	assert.Equal(t, 20.0, value("records", "verdict", "undetermined"))
	assert.Equal(t, 20.0, value("warned_records"))
	assert.Equal(t, 3.0, value("unreadable_records"))
	assert.Equal(t, 30.0, value("rule_causes", "rule", "record-missing", "severity", "error"))
	assert.Equal(t, 30.0, value("host_records", "host", "route53", "verdict", "invalid"))
	assert.Equal(t, 2.0, value("zone_records", "zone", "we\"ird\\\n.test."))
	assert.Equal(t, 3.0, value("changes", "since", "broken"))
	assert.Equal(t, 0.0, value("changes", "since", "gone"))
	assert.Equal(t, 1485.0, value("questions"))
	assert.Equal(t, 1.5, value("duration_seconds"))
	assert.Equal(t, 1795600000.0, value("end_time_seconds"))
	assert.Len(t, families["acmdoctor_audit_zone_records"].GetMetric(), 20)
}

func TestJUnitIsRead(t *testing.T) {
	out, sum := audited(t)
	var b bytes.Buffer
	require.NoError(t, audit.WriteJUnit(&b, audit.Lines(strings.NewReader(out)), sum))
	type problem struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type testCase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Time    string   `xml:"time,attr"`
		Failure *problem `xml:"failure"`
		Error   *problem `xml:"error"`
	}
	var doc struct {
		Totals []xml.Attr `xml:",any,attr"`
		Suite  struct {
			ID        string `xml:"id,attr"`
			Package   string `xml:"package,attr"`
			Host      string `xml:"hostname,attr"`
			Timestamp string `xml:"timestamp,attr"`
			Tests     int    `xml:"tests,attr"`
			Failures  int    `xml:"failures,attr"`
			Errors    int    `xml:"errors,attr"`
			Time      string `xml:"time,attr"`
			Parts     []struct {
				XMLName xml.Name
			} `xml:",any"`
			Cases []testCase `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(b.Bytes(), &doc))
	assert.Empty(t, doc.Totals, "Ant's schema has none here")
	assert.Equal(t, []int{300, 33, 20}, []int{doc.Suite.Tests, doc.Suite.Failures, doc.Suite.Errors})
	assert.Equal(t, "2026-11-25T12:00:00", doc.Suite.Timestamp)
	assert.Equal(t, []string{"0", "acmdoctor", "localhost"}, []string{doc.Suite.ID, doc.Suite.Package, doc.Suite.Host}, "what Ant's schema wants")
	var parts []string
	for _, p := range doc.Suite.Parts {
		parts = append(parts, p.XMLName.Local)
	}
	assert.Equal(t, []string{"properties", "system-out", "system-err"}, parts, "and these, in this order")
	for _, c := range append(doc.Suite.Cases, testCase{Time: doc.Suite.Time}) {
		assert.Regexp(t, `^\d+\.\d{3}$`, c.Time)
	}
	require.Len(t, doc.Suite.Cases, 300)
	failures, errs := 0, 0
	for _, c := range doc.Suite.Cases {
		if c.Failure != nil {
			failures++
		}
		if c.Error != nil {
			errs++
			assert.Equal(t, "server-unreachable", c.Error.Type)
		}
		if c.Name == "d3.test (line 4)" {
			require.NotNil(t, c.Failure)
			assert.Equal(t, problem{"record-missing", "no server has it", "name   _a.d3.test.\nvalue  _b.x.acm-validations.aws.\nerror: no server has it (record-missing)\n"}, *c.Failure)
			assert.Equal(t, "3", c.Class)
		}
	}
	assert.Equal(t, []int{33, 20}, []int{failures, errs})
}

// What came from outside cannot leave its place, whatever it holds.
func TestJUnitEscapes(t *testing.T) {
	line := `{"id":"a\"><x>\u0000\u001b[31m","line":1,"record":{"domain":"d]]>&","name":"n","value":"v"},"verdict":"invalid","findings":[{"rule":"r","message":"<m>&\"'","evidence":["\u0001"]}]}`
	var b bytes.Buffer
	require.NoError(t, audit.WriteJUnit(&b, audit.Lines(strings.NewReader(line)), audit.Summary{Records: 1, Invalid: 1}))
	d := xml.NewDecoder(&b)
	names := []string{}
	for {
		token, err := d.Token()
		if token == nil {
			require.ErrorContains(t, err, "EOF")
			break
		}
		if s, ok := token.(xml.StartElement); ok {
			names = append(names, s.Name.Local)
		}
	}
	assert.Equal(t, []string{"testsuites", "testsuite", "properties", "testcase", "failure", "system-out", "system-err"}, names)
}

func TestSARIFIsSound(t *testing.T) {
	out, _ := audited(t)
	var b bytes.Buffer
	require.NoError(t, audit.SARIF{Input: "lists/my records.ndjson", Version: "v1"}.Write(&b, audit.Lines(strings.NewReader(out))))
	var doc struct {
		Schema  string `json:"$schema"`
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID               string
						ShortDescription struct{ Text string }
						Help             struct{ Text string }
						Default          struct{ Level string } `json:"defaultConfiguration"`
					}
				}
			}
			Results []struct {
				RuleID    string
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
				PartialFingerprints map[string]string
			}
		}
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &doc))
	assert.Equal(t, "2.1.0", doc.Version)
	require.Len(t, doc.Runs, 1)
	run := doc.Runs[0]
	rules := map[string]bool{}
	for _, r := range run.Tool.Driver.Rules {
		rules[r.ID] = true
		assert.NotEmpty(t, r.ShortDescription.Text)
		assert.NotEmpty(t, r.Help.Text)
		assert.Contains(t, []string{"error", "warning", "note"}, r.Default.Level)
	}
	assert.Len(t, rules, len(validate.Rules()))
	require.Len(t, run.Results, 30+20+20+3)
	prints := map[string]bool{}
	for _, r := range run.Results {
		assert.True(t, rules[r.RuleID], r.RuleID)
		assert.Contains(t, []string{"error", "warning"}, r.Level)
		require.Len(t, r.Locations, 1)
		assert.Equal(t, "lists/my%20records.ndjson", r.Locations[0].PhysicalLocation.ArtifactLocation.URI)
		assert.Positive(t, r.Locations[0].PhysicalLocation.Region.StartLine)
		prints[r.PartialFingerprints["record/v1"]] = true
	}
	assert.Len(t, prints, len(run.Results), "each has its own fingerprint")
}

func TestSARIFIsBounded(t *testing.T) {
	var many iter.Seq2[audit.Line, error] = func(yield func(audit.Line, error) bool) {
		for i := range 25_010 {
			l := audit.Line{Line: i + 1, Verdict: validate.Undetermined}
			if !yield(l, nil) {
				return
			}
		}
	}
	var b bytes.Buffer
	require.NoError(t, audit.SARIF{}.Write(&b, many))
	assert.True(t, json.Valid(b.Bytes()))
	assert.Equal(t, 25_000, strings.Count(b.String(), `"ruleId"`))
	assert.Contains(t, b.String(), "10 results more than 25000 are left out")
}

func TestFormsGiveTheErrorsOfTheirWriter(t *testing.T) {
	out, sum := audited(t)
	all := func() iter.Seq2[audit.Line, error] { return audit.Lines(strings.NewReader(out)) }
	assert.ErrorIs(t, audit.WritePrometheus(&full{}, sum, time.Now()), errFull)
	assert.ErrorIs(t, audit.WriteJUnit(&full{}, all(), sum), errFull)
	assert.ErrorIs(t, audit.SARIF{}.Write(&full{}, all()), errFull)
	assert.ErrorIs(t, (&audit.Text{}).WriteSummary(&full{}, sum), errFull)
	bad := audit.Lines(strings.NewReader("{}"))
	assert.ErrorIs(t, audit.WriteJUnit(&bytes.Buffer{}, bad, sum), audit.ErrNotAnAudit)
}

func TestSince(t *testing.T) {
	before, _ := audited(t)
	b, err := audit.ReadBaseline(strings.NewReader(before))
	require.NoError(t, err)
	l := newLab(2)
	l.mended = true
	sum, err := (&audit.Run{Check: l.check, Since: b}).Do(t.Context(), items(input(290)+`_a.new.test CNAME _b.x.acm-validations.aws`))
	require.NoError(t, err)
	assert.Equal(t, 29, sum.Changes[audit.Mended])
	assert.Equal(t, 19, sum.Changes[audit.Changed], "what was not determined and is valid now")
	assert.Zero(t, sum.Changes[audit.Broken])
	var gone []string
	n, err := b.Gone(strings.NewReader(before), 3, func(name string) { gone = append(gone, name) })
	require.NoError(t, err)
	assert.Equal(t, 10, n)
	assert.Len(t, gone, 3)

	var out bytes.Buffer
	_, err = (&audit.Run{Check: l.check, Output: &out}).Do(t.Context(), items(input(300)))
	require.NoError(t, err)
	b, err = audit.ReadBaseline(&out)
	require.NoError(t, err)
	sum, err = (&audit.Run{Check: newLab(3).check, Since: b}).Do(t.Context(), items(input(300)))
	require.NoError(t, err)
	assert.Equal(t, 30, sum.Changes[audit.Broken])
	assert.Equal(t, 30, sum.Broken)
	assert.Equal(t, 20, sum.Changes[audit.Changed])
}

func TestTopIsBounded(t *testing.T) {
	top := audit.Top{Most: 100}
	for i := range 10_000 {
		top.Add(strings.Repeat("x", i%1000))
		top.Add("frequent")
	}
	assert.LessOrEqual(t, len(top.Counts), 100)
	first := top.First(1)[0]
	assert.Equal(t, "frequent", first.Key)
	assert.GreaterOrEqual(t, first.Count, 10_000)
	assert.LessOrEqual(t, first.Count, 10_000+top.Over)
}

func FuzzLines(f *testing.F) {
	f.Add(`{"id":"1","line":2,"record":{"domain":"d","name":"n","value":"v"},"verdict":"valid","findings":[]}`)
	f.Add("{}\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, err := range audit.Lines(strings.NewReader(text)) {
			if err != nil && !errors.Is(err, audit.ErrNotAnAudit) {
				t.Fatalf("reading a text in memory fails with %v", err)
			}
		}
	})
}
