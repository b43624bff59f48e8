package route53_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/awsfake"
)

// bed is a service that is asked by the SDK, and a way to make zones there.
type bed struct {
	api  *r53.Client
	zone func(name string, private bool) string
}

func sdk(url string) *r53.Client {
	return r53.New(r53.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(url), HTTPClient: awsfake.LoopbackOnly(), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, ""),
	})
}

// change sends one batch of "ACTION name TYPE ttl value…", and tells "done" or "refused".
func (b bed) change(zone string, lines ...string) string {
	in := &r53.ChangeResourceRecordSetsInput{HostedZoneId: aws.String(zone), ChangeBatch: &types.ChangeBatch{}}
	for _, l := range lines {
		w := strings.Split(l, " ")
		set := &types.ResourceRecordSet{Name: aws.String(w[1]), Type: types.RRType(w[2]), TTL: aws.Int64(60)}
		for _, v := range w[3:] {
			set.ResourceRecords = append(set.ResourceRecords, types.ResourceRecord{Value: aws.String(v)})
		}
		in.ChangeBatch.Changes = append(in.ChangeBatch.Changes, types.Change{Action: types.ChangeAction(w[0]), ResourceRecordSet: set})
	}
	out, err := b.api.ChangeResourceRecordSets(context.Background(), in)
	if err != nil {
		return "refused"
	}
	return "done " + string(out.ChangeInfo.Status)
}

// holds lists what stands below the apex.
func (b bed) holds(zone string) string {
	out, err := b.api.ListResourceRecordSets(context.Background(), &r53.ListResourceRecordSetsInput{HostedZoneId: aws.String(zone)})
	if err != nil {
		return err.Error()
	}
	var all []string
	for _, s := range out.ResourceRecordSets {
		if s.Type == types.RRTypeNs || s.Type == types.RRTypeSoa {
			continue
		}
		for _, r := range s.ResourceRecords {
			all = append(all, aws.ToString(s.Name)+" "+aws.ToString(r.Value))
		}
	}
	return strings.Join(all, ", ")
}

func (b bed) zones(name string, most int32) string {
	in := &r53.ListHostedZonesByNameInput{DNSName: aws.String(name)}
	if most > 0 {
		in.MaxItems = aws.Int32(most)
	}
	out, err := b.api.ListHostedZonesByName(context.Background(), in)
	if err != nil {
		return err.Error()
	}
	var all []string
	for _, z := range out.HostedZones {
		all = append(all, fmt.Sprintf("%s private %t", aws.ToString(z.Name), z.Config.PrivateZone))
	}
	return strings.Join(append(all, fmt.Sprintf("more %t", out.IsTruncated)), ", ")
}

// What Route 53 refuses, by its API reference, the fake refuses; moto, which plans must not be judged by, does not.
var strictness = []struct {
	what         string
	ask          func(b bed) string
	strict, moto string
}{
	{"a list starts at the name, which need not exist", func(b bed) string {
		b.zone("a.example.", false)
		b.zone("c.example.", false)
		return b.zones("b.example.", 0)
	}, "c.example. private false, more false", "more false"},
	{"a list is cut into pages", func(b bed) string {
		b.zone("d.example.", false)
		b.zone("d.example.", false)
		return b.zones("d.example.", 1)
	}, "d.example. private false, more true", "d.example. private false, d.example. private false, more false"},
	{"of one name the private zones come first", func(b bed) string {
		b.zone("e.example.", false)
		b.zone("e.example.", true)
		return b.zones("e.example.", 0)
	}, "e.example. private true, e.example. private false, more false", "e.example. private false, e.example. private true, more false"},
	{"zones of one name have different name servers", func(b bed) string {
		var sets []string
		for range 2 {
			out, err := b.api.GetHostedZone(context.Background(), &r53.GetHostedZoneInput{Id: aws.String(b.zone("a.example.", false))})
			if err != nil {
				return err.Error()
			}
			sets = append(sets, fmt.Sprint(out.DelegationSet.NameServers))
		}
		return fmt.Sprint(sets[0] == sets[1])
	}, "false", "true"},
	{"a batch is carried out whole or not at all", func(b bed) string {
		z := b.zone("a.example.", false)
		return b.change(z, "CREATE x.a.example. CNAME v.", "CREATE y.b.example. CNAME v.") + ": " + b.holds(z)
	}, "refused: ", "refused: x.a.example. v."},
	{"a deletion names what is there exactly", func(b bed) string {
		z := b.zone("a.example.", false)
		b.change(z, "CREATE x.a.example. CNAME v.")
		b.change(z, "DELETE x.a.example. CNAME v.")
		b.change(z, "CREATE x.a.example. CNAME w.")
		return b.change(z, "DELETE x.a.example. CNAME v.") + ": " + b.holds(z)
	}, "refused: x.a.example. w.", "done INSYNC: "},
	{"a creation finds nothing of that name and type", func(b bed) string {
		z := b.zone("a.example.", false)
		b.change(z, "CREATE x.a.example. CNAME v.")
		return b.change(z, "CREATE x.a.example. CNAME w.") + ": " + b.holds(z)
	}, "refused: x.a.example. v.", "done INSYNC: x.a.example. v., x.a.example. w."},
	{"nothing stands beside a CNAME", func(b bed) string {
		z := b.zone("a.example.", false)
		b.change(z, `CREATE x.a.example. TXT "t"`)
		return b.change(z, "CREATE x.a.example. CNAME v.") + ": " + b.holds(z)
	}, `refused: x.a.example. "t"`, `done INSYNC: x.a.example. v., x.a.example. "t"`},
	{"a CNAME has one value", func(b bed) string {
		return b.change(b.zone("a.example.", false), "CREATE x.a.example. CNAME v. w.")
	}, "refused", "done INSYNC"},
	{"no value stands twice", func(b bed) string {
		return b.change(b.zone("a.example.", false), "CREATE x.a.example. A 192.0.2.1 192.0.2.1")
	}, "refused", "done INSYNC"},
	{"names are kept in lower case", func(b bed) string {
		z := b.zone("a.example.", false)
		return b.change(z, "CREATE X.A.Example. CNAME v.") + ": " + b.holds(z)
	}, "done PENDING: x.a.example. v.", "refused: "},
	{"names end at a label of the zone", func(b bed) string {
		return b.change(b.zone("a.example.", false), "CREATE nota.example. CNAME v.")
	}, "refused", "done INSYNC"},
	{"a change is pending at first", func(b bed) string {
		return b.change(b.zone("a.example.", false), "CREATE x.a.example. CNAME v.")
	}, "done PENDING", "done INSYNC"},
	{"one request holds a thousand values", func(b bed) string {
		var lines []string
		for i := range 1001 {
			lines = append(lines, fmt.Sprintf("CREATE x%d.a.example. CNAME v.", i))
		}
		z := b.zone("a.example.", false)
		return b.change(z, lines...) + " " + b.change(z, lines[1:]...)
	}, "refused done PENDING", ""},
	{"one request holds 32,000 characters in values", func(b bed) string {
		z := b.zone("a.example.", false)
		long := strings.Repeat("x", 59) + "."
		var lines []string
		for i := range 534 { // of 60 characters
			lines = append(lines, fmt.Sprintf("CREATE x%d.a.example. CNAME %s", i, long))
		}
		return b.change(z, lines...) + " " + b.change(z, lines[1:]...)
	}, "refused done PENDING", ""},
}

func TestTheFakeIsStrict(t *testing.T) {
	for _, c := range strictness {
		t.Run(c.what, func(t *testing.T) {
			f := &awsfake.Route53{Pending: 1}
			server := httptest.NewServer(f)
			defer server.Close()
			require.Equal(t, c.strict, c.ask(bed{sdk(server.URL), func(name string, private bool) string {
				return f.AddZone(awsfake.HostedZone{Name: name, Private: private})
			}}))
		})
	}
}

func TestMotoIsNot(t *testing.T) {
	url := awsfake.Moto(t)
	for _, c := range strictness {
		if c.moto == "" {
			continue
		}
		t.Run(c.what, func(t *testing.T) {
			b := bed{sdk(url), func(name string, private bool) string { return motoHostedZone(t, url, name, private) }}
			require.Equal(t, c.moto, c.ask(b), "if moto has become strict here, so much the better: say so in the table")
			require.NotEqual(t, c.strict, c.moto)
		})
	}
}
