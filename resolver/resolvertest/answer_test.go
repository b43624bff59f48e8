package resolvertest_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

// render writes a response so that a person can compare it with what dig shows.
func render(r resolver.Response) string {
	var b strings.Builder
	b.WriteString(r.RCode.String())
	for _, f := range []struct {
		on   bool
		text string
	}{{r.Authoritative, " aa"}, {r.Truncated, " tc"}, {r.RecursionAvailable, " ra"}} {
		if f.on {
			b.WriteString(f.text)
		}
	}
	for _, s := range []struct {
		name string
		rrs  []resolver.RR
	}{{"", r.Answer}, {"authority ", r.Authority}, {"additional ", r.Additional}} {
		for _, rr := range s.rrs {
			fmt.Fprintf(&b, "\n%s%s %d %s %s", s.name, rr.Name, rr.TTL, rr.Type, rr.Text())
		}
	}
	return b.String()
}

func server(t *testing.T, in *resolvertest.Internet, name string) netip.AddrPort {
	t.Helper()
	addrs := in.Addrs(resolver.MustParseName(name))
	require.NotEmpty(t, addrs, "no server %s", name)
	return netip.AddrPortFrom(addrs[0], 53)
}

// ask asks with words: "SERVER NAME TYPE [do] [tcp]".
func ask(t *testing.T, in *resolvertest.Internet, words string) (resolver.Response, error) {
	t.Helper()
	w := strings.Fields(words)
	typ, err := resolver.ParseType(w[2])
	require.NoError(t, err)
	q := resolver.Question{Name: resolver.MustParseName(w[1]), Type: typ}
	if w[0] != "-" {
		q.Server = server(t, in, w[0])
	}
	for _, f := range w[3:] {
		q.DNSSEC = q.DNSSEC || f == "do"
		q.TCP = q.TCP || f == "tcp"
	}
	return in.Resolve(context.Background(), q)
}

const soa = "ns1.example.com. hostmaster.example.com. 1 7200 900 1209600 300"

func TestAnswers(t *testing.T) {
	negative := "\nauthority example.com. 300 SOA " + soa
	for _, c := range []struct {
		name, zones, ask, want string
	}{
		{
			"the record", "_a CNAME _b.acm-validations.aws.", "ns2.example.com. _a.example.com. CNAME",
			"NOERROR aa\n_a.example.com. 300 CNAME _b.acm-validations.aws.",
		},
		{
			"a CNAME answers any type", "_a CNAME _b.acm-validations.aws.", "ns1.example.com. _a.example.com. TXT",
			"NOERROR aa\n_a.example.com. 300 CNAME _b.acm-validations.aws.",
		},
		{
			"several CNAMEs at one name come all, and none is followed", "a CNAME b\na CNAME c\nb A 192.0.2.80", "ns1.example.com. a.example.com. A",
			"NOERROR aa\na.example.com. 300 CNAME b.example.com.\na.example.com. 300 CNAME c.example.com.",
		},
		{
			"a CNAME is followed within the zone", "a CNAME b\nb CNAME c\nc A 192.0.2.80", "ns1.example.com. a.example.com. A",
			"NOERROR aa\na.example.com. 300 CNAME b.example.com.\nb.example.com. 300 CNAME c.example.com.\nc.example.com. 300 A 192.0.2.80",
		},
		{
			"a CNAME to nowhere in the zone is NXDOMAIN (RFC 6604, 3)", "a CNAME b", "ns1.example.com. a.example.com. A",
			"NXDOMAIN aa\na.example.com. 300 CNAME b.example.com." + negative,
		},
		{
			"asking for the CNAME itself follows nothing", "a CNAME b", "ns1.example.com. a.example.com. CNAME",
			"NOERROR aa\na.example.com. 300 CNAME b.example.com.",
		},
		{
			"a circle of CNAMEs ends", "a CNAME b\nb CNAME a", "ns1.example.com. a.example.com. A",
			"NOERROR aa\na.example.com. 300 CNAME b.example.com.\nb.example.com. 300 CNAME a.example.com.",
		},
		{
			"a CNAME below a cut: the answer has authority, the rest is a referral", "a CNAME b.sub\nsub NS ns.elsewhere.net.",
			"ns1.example.com. a.example.com. A",
			"NOERROR aa\na.example.com. 300 CNAME b.sub.example.com.\nauthority sub.example.com. 300 NS ns.elsewhere.net.",
		},
		{
			"TXT beside a CNAME: the TXT", "a CNAME b\na TXT x", "ns1.example.com. a.example.com. TXT", `NOERROR aa` + "\n" + `a.example.com. 300 TXT "x"`,
		},
		{
			"TXT beside a CNAME: the CNAME", "a CNAME b\na TXT x", "ns1.example.com. a.example.com. CNAME",
			"NOERROR aa\na.example.com. 300 CNAME b.example.com.",
		},
		{
			"ANY gives everything", "a 60 A 192.0.2.80\na TXT x", "ns1.example.com. a.example.com. ANY",
			"NOERROR aa\na.example.com. 60 A 192.0.2.80\na.example.com. 300 TXT \"x\"",
		},
		{"no such name", "", "ns1.example.com. _a.example.com. CNAME", "NXDOMAIN aa" + negative},
		{"no such type", "a A 192.0.2.80", "ns1.example.com. a.example.com. CNAME", "NOERROR aa" + negative},
		{
			"an empty non-terminal is there: the record relocated below it", "_a79.example.com CNAME x.", "ns1.example.com. com.example.com. CNAME",
			"NOERROR aa" + negative,
		},
		{
			"the SOA's own TTL, where it is the smaller", "@ 60 SOA ns1 hostmaster 1 2 3 4 5000", "ns1.example.com. nope.example.com. A",
			"NXDOMAIN aa\nauthority example.com. 60 SOA ns1.example.com. hostmaster.example.com. 1 2 3 4 5000",
		},
		{"letter case", "WWW A 192.0.2.80", "ns1.example.com. www.EXAMPLE.com. A", "NOERROR aa\nwww.example.com. 300 A 192.0.2.80"},
		{"a zone that is not here", "", "ns1.example.com. example.org. A", "REFUSED"},
		{"nor is the parent", "", "ns1.example.com. com. A", "REFUSED"},

		// RFC 4592, 2.2.1, with the same names.
		{
			"wildcard", "* MX 10 host1\nsub.* TXT x\nhost1 A 192.0.2.80\n_ssh._tcp.host1 SRV 0 0 22 host1\nsubdel NS ns.elsewhere.net.",
			"ns1.example.com. host3.example.com. MX", "NOERROR aa\nhost3.example.com. 300 MX 10 host1.example.com.",
		},
		{
			"wildcard without the type", "* MX 10 host1", "ns1.example.com. host3.example.com. A", "NOERROR aa" + negative,
		},
		{
			"wildcard, several labels", "* TXT x", "ns1.example.com. foo.bar.example.com. TXT",
			"NOERROR aa\nfoo.bar.example.com. 300 TXT \"x\"",
		},
		{
			"a name that is there hides the wildcard", "* MX 10 host1\nhost1 A 192.0.2.80", "ns1.example.com. host1.example.com. MX",
			"NOERROR aa" + negative,
		},
		{
			"the asterisk asked for itself", "* MX 10 host1\nsub.* TXT x", "ns1.example.com. sub.*.example.com. MX",
			"NOERROR aa" + negative,
		},
		{
			"the closest encloser has no asterisk", "* MX 10 host1\n_ssh._tcp.host1 SRV 0 0 22 host1",
			"ns1.example.com. _telnet._tcp.host1.example.com. SRV", "NXDOMAIN aa" + negative,
		},
		{
			"below a cut there is no wildcard", "* MX 10 host1\nsubdel NS ns.elsewhere.net.", "ns1.example.com. host.subdel.example.com. A",
			"NOERROR\nauthority subdel.example.com. 300 NS ns.elsewhere.net.",
		},
		{
			"an asterisk that is there and empty blocks itself", "sub.* TXT x\n* MX 10 host1", "ns1.example.com. ghost.*.example.com. MX",
			"NXDOMAIN aa" + negative,
		},
		{
			"an empty asterisk is a source without data", "sub.* TXT x", "ns1.example.com. other.example.com. TXT", "NOERROR aa" + negative,
		},
		{
			"an empty non-terminal stops the wildcard", "* CNAME x.\na.ent A 192.0.2.80", "ns1.example.com. ent.example.com. CNAME",
			"NOERROR aa" + negative,
		},
		{
			"a wildcard CNAME is followed under the name asked for", "* CNAME www\nwww A 192.0.2.80", "ns1.example.com. _a.example.com. A",
			"NOERROR aa\n_a.example.com. 300 CNAME www.example.com.\nwww.example.com. 300 A 192.0.2.80",
		},

		{
			"referral with glue, also of a sibling", "sub NS ns.sub\nsub NS ns.sib\nsub NS ns.elsewhere.net.\nns.sub A 192.0.2.90\nns.sub AAAA 2001:db8::1\nsib NS ns.sib\nns.sib A 192.0.2.91",
			"ns1.example.com. a.b.sub.example.com. A",
			"NOERROR\nauthority sub.example.com. 300 NS ns.sub.example.com.\nauthority sub.example.com. 300 NS ns.sib.example.com.\n" +
				"authority sub.example.com. 300 NS ns.elsewhere.net.\nadditional ns.sub.example.com. 300 A 192.0.2.90\n" +
				"additional ns.sub.example.com. 300 AAAA 2001:db8::1\nadditional ns.sib.example.com. 300 A 192.0.2.91",
		},
		{
			"the cut itself is the child's, also its NS", "sub NS ns.elsewhere.net.\nsub A 192.0.2.90", "ns1.example.com. sub.example.com. NS",
			"NOERROR\nauthority sub.example.com. 300 NS ns.elsewhere.net.",
		},
		{
			"the highest cut counts", "sub NS ns.elsewhere.net.\nx.sub NS ns.other.net.", "ns1.example.com. y.x.sub.example.com. A",
			"NOERROR\nauthority sub.example.com. 300 NS ns.elsewhere.net.",
		},
		{
			"records below a cut are hidden", "sub NS ns.elsewhere.net.\n_a.sub CNAME x.", "ns1.example.com. _a.sub.example.com. CNAME",
			"NOERROR\nauthority sub.example.com. 300 NS ns.elsewhere.net.",
		},
		{
			"DS at a cut is the parent's", "sub NS ns.elsewhere.net.\nsub DS 1 13 2 " + digest, "ns1.example.com. sub.example.com. DS",
			"NOERROR aa\nsub.example.com. 300 DS 1 13 2 " + digest,
		},
		{
			"no DS at a cut is said by the parent", "sub NS ns.elsewhere.net.", "ns1.example.com. sub.example.com. DS", "NOERROR aa" + negative,
		},
		{
			"DS below a cut is a referral", "sub NS ns.elsewhere.net.", "ns1.example.com. x.sub.example.com. DS",
			"NOERROR\nauthority sub.example.com. 300 NS ns.elsewhere.net.",
		},
		{
			"DS at the apex, and the parent is elsewhere", "", "ns1.example.com. example.com. DS", "NOERROR aa" + negative,
		},
		{
			"DS comes with the referral where wanted", "sub NS ns.elsewhere.net.\nsub DS 1 13 2 " + digest, "ns1.example.com. x.sub.example.com. A do",
			"NOERROR\nauthority sub.example.com. 300 NS ns.elsewhere.net.\nauthority sub.example.com. 300 DS 1 13 2 " + digest,
		},
		{
			"and not where it is not", "sub NS ns.elsewhere.net.\nsub DS 1 13 2 " + digest, "ns1.example.com. x.sub.example.com. A",
			"NOERROR\nauthority sub.example.com. 300 NS ns.elsewhere.net.",
		},
		{
			"both zones on one server: the child answers", "$ORIGIN sub.example.com. ; on ns1.example.com.\nwww A 192.0.2.80",
			"ns1.example.com. www.sub.example.com. A", "NOERROR aa\nwww.sub.example.com. 300 A 192.0.2.80",
		},
		{
			"both zones on one server: DS is the parent's", "$ORIGIN sub.example.com. ; on ns1.example.com.",
			"ns1.example.com. sub.example.com. DS", "NOERROR aa" + negative,
		},
		{
			"NS at the apex with the addresses", "", "ns1.example.com. example.com. NS",
			"NOERROR aa\nexample.com. 300 NS ns1.example.com.\nexample.com. 300 NS ns2.example.com.\n" +
				"additional ns1.example.com. 300 A 192.0.2.1\nadditional ns2.example.com. 300 A 192.0.2.2",
		},

		{
			"DNAME", "old 60 DNAME new.example.net.", "ns1.example.com. _a.old.example.com. CNAME",
			"NOERROR aa\nold.example.com. 60 DNAME new.example.net.\n_a.old.example.com. 60 CNAME _a.new.example.net.",
		},
		{
			"DNAME says nothing about its own name", "old DNAME new.example.net.\nold TXT x", "ns1.example.com. old.example.com. TXT",
			"NOERROR aa\nold.example.com. 300 TXT \"x\"",
		},
		{
			"DNAME asked for", "old DNAME new.example.net.", "ns1.example.com. old.example.com. DNAME",
			"NOERROR aa\nold.example.com. 300 DNAME new.example.net.",
		},
		{
			"DNAME hides what stands below it", "old DNAME new.example.net.\n_a.old CNAME x.", "ns1.example.com. _a.old.example.com. A",
			"NOERROR aa\nold.example.com. 300 DNAME new.example.net.\n_a.old.example.com. 300 CNAME _a.new.example.net.",
		},
		{
			"DNAME within the zone is followed", "old DNAME new\n_a.new TXT x", "ns1.example.com. _a.old.example.com. TXT",
			"NOERROR aa\nold.example.com. 300 DNAME new.example.com.\n_a.old.example.com. 300 CNAME _a.new.example.com.\n_a.new.example.com. 300 TXT \"x\"",
		},
		{
			"asking for a CNAME below a DNAME ends at the one that is made", "old DNAME new\n_a.new CNAME x.", "ns1.example.com. _a.old.example.com. CNAME",
			"NOERROR aa\nold.example.com. 300 DNAME new.example.com.\n_a.old.example.com. 300 CNAME _a.new.example.com.",
		},
		{
			"a DNAME to nowhere in the zone is NXDOMAIN (RFC 6604, 3)", "old DNAME new", "ns1.example.com. _a.old.example.com. A",
			"NXDOMAIN aa\nold.example.com. 300 DNAME new.example.com.\n_a.old.example.com. 300 CNAME _a.new.example.com." + negative,
		},
		{
			"DNAME at the apex", "@ DNAME example.net.", "ns1.example.com. _a.example.com. A",
			"NOERROR aa\nexample.com. 300 DNAME example.net.\n_a.example.com. 300 CNAME _a.example.net.",
		},
		{
			"DNAME to a name that is too long", "old DNAME " + tooLong, "ns1.example.com. " + strings.Repeat("a", 60) + ".old.example.com. A",
			"YXDOMAIN aa\nold.example.com. 300 DNAME " + tooLong,
		},

		{
			"the parent refers", "", "ns1.nic.com. _a.example.com. CNAME",
			"NOERROR\nauthority example.com. 300 NS ns1.example.com.\nauthority example.com. 300 NS ns2.example.com.\n" +
				"additional ns1.example.com. 300 A 192.0.2.1\nadditional ns2.example.com. 300 A 192.0.2.2",
		},
		{
			"the root refers", "", "a.root-servers.test. _a.example.com. CNAME",
			"NOERROR\nauthority com. 300 NS ns1.nic.com.\nauthority com. 300 NS ns2.nic.com.\n" +
				"additional ns1.nic.com. 300 A 192.0.2.3\nadditional ns2.nic.com. 300 A 192.0.2.4",
		},
		{
			"the root knows no such domain", "", "a.root-servers.test. nowhere.example. A",
			"NXDOMAIN aa\nauthority . 300 SOA a.root-servers.test. hostmaster. 1 7200 900 1209600 300",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := resolvertest.Parse("$ORIGIN example.com. ; on ns1.example.com. ns2.example.com.\n" + c.zones)
			require.NoError(t, err)
			r, err := ask(t, in, c.ask)
			require.NoError(t, err)
			assert.Equal(t, c.want, render(r))
			assert.True(t, r.EDNS, "OPT is answered with OPT")
		})
	}
}

const digest = "0000000000000000000000000000000000000000000000000000000000000001"

var tooLong = strings.Repeat(strings.Repeat("x", 63)+".", 3) + "example.com."

func TestSignaturesComeWhereWanted(t *testing.T) {
	in := resolvertest.MustParse("$ORIGIN example.com.\n" +
		"a TXT x\na RRSIG TXT 13 3 300 20300101000000 20200101000000 1 example.com. AAAA\n" +
		"* A 192.0.2.80\n* RRSIG A 13 2 300 20300101000000 20200101000000 1 example.com. AAAA\n")
	r, err := ask(t, in, "ns1.example.com. a.example.com. TXT do")
	require.NoError(t, err)
	require.Len(t, r.Answer, 2)
	assert.Equal(t, resolver.TypeRRSIG, r.Answer[1].Type)
	r, err = ask(t, in, "ns1.example.com. a.example.com. TXT")
	require.NoError(t, err)
	assert.Len(t, r.Answer, 1)
	r, err = ask(t, in, "ns1.example.com. w.example.com. A do")
	require.NoError(t, err)
	require.Len(t, r.Answer, 2)
	assert.Equal(t, "w.example.com.", r.Answer[1].Name.String(), "the signature goes by the name asked for (RFC 4035, 3.1.3.3)")
}

func TestSetRRset(t *testing.T) {
	in := resolvertest.MustParse("$ORIGIN example.com. ; on ns1.example.com.\n_a CNAME x.\n$ORIGIN example.com. ; on ns2.example.com.\n_a CNAME y.\n")
	zone, owner := resolver.MustParseName("example.com."), resolver.MustParseName("_a.b.example.com.")

	require.NoError(t, in.SetRRset(zone, owner, resolver.TypeCNAME, 60, []string{"v.acm-validations.aws."}))
	for _, s := range []string{"ns1", "ns2"} {
		r, err := ask(t, in, s+".example.com. _a.b.example.com. CNAME")
		require.NoError(t, err)
		assert.Equal(t, "NOERROR aa\n_a.b.example.com. 60 CNAME v.acm-validations.aws.", render(r))
	}
	rrs, ok := in.RRset(zone, owner, resolver.TypeCNAME)
	assert.True(t, ok)
	assert.Equal(t, []resolver.RR{resolver.MustParseRR("_a.b.example.com. 60 CNAME v.acm-validations.aws.")}, rrs)
	rrs, _ = in.RRset(zone, resolver.MustParseName("_a.example.com."), resolver.TypeCNAME)
	assert.Equal(t, "x.", rrs[0].Text(), "the first copy")

	require.NoError(t, in.SetRRset(zone, owner, resolver.TypeCNAME, 0, nil))
	r, err := ask(t, in, "ns1.example.com. b.example.com. CNAME")
	require.NoError(t, err)
	assert.Equal(t, resolver.NXDomain, r.RCode, "the empty non-terminal goes with what was below it")
	_, ok = in.RRset(zone, owner, resolver.TypeCNAME)
	assert.False(t, ok)
	require.NoError(t, in.SetRRset(zone, owner, resolver.TypeCNAME, 0, nil), "deleting nothing is done already")

	for _, c := range []struct {
		zone, owner, rdata string
		want               error
	}{
		{"example.com.", "_a.example.org.", "x.", resolvertest.ErrNoZone},
		{"example.org.", "_a.example.org.", "x.", resolvertest.ErrNoZone},
		{"example.com.", "_a.example.com.", "not a name", resolvertest.ErrText},
		{"example.com.", "_a.example.com.", "", resolvertest.ErrText},
		{"example.com.", "_a.example.com.", "x.\nexample.com. A 192.0.2.1", resolvertest.ErrText},
	} {
		err := in.SetRRset(resolver.MustParseName(c.zone), resolver.MustParseName(c.owner), resolver.TypeCNAME, 60, []string{"ok.", c.rdata})
		assert.ErrorIs(t, err, c.want, "%s in %s: %q", c.owner, c.zone, c.rdata)
	}
	rrs, _ = in.RRset(zone, resolver.MustParseName("_a.example.com."), resolver.TypeCNAME)
	assert.Equal(t, "x.", rrs[0].Text(), "an error changes nothing")
}
