package validate_test

import (
	"os"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/bulk"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// A record that is right costs a referral, the record and CAA at the domain at both servers, and the zone's NS records; where
// the zone is signed its keys, too. The law "many" says that the report is the same.
func TestShortWay(t *testing.T) {
	for file, want := range map[string]int{"healthy.txt": 6, "healthy-signed.txt": 7, "healthy-glueless.txt": 6, "healthy-four-servers.txt": 10} {
		t.Run(file, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text, err := os.ReadFile(worldsFolder + "/" + file)
				require.NoError(t, err)
				c, in := oneByOne(t, file, string(text))
				w, err := validatetest.ParseWorld(file, string(text))
				require.NoError(t, err)
				n := 0
				for rep, err := range c.CheckAll(t.Context(), slices.Values(slices.Repeat([]validate.Record{w.Record}, 3))) {
					require.NoError(t, err)
					assert.Equal(t, validate.Valid, rep.Verdict)
					if n++; n == 1 {
						in.ResetQueries()
						continue
					}
					assert.Equal(t, want, rep.Queries)
					assert.Len(t, in.Queries(), want)
					in.ResetQueries()
				}
				assert.Equal(t, 3, n)
			})
		})
	}
}

// Name servers without glue are looked up for the first record that needs them, and not again; where one has no address the
// record is checked whole.
func TestShortWayLooksUpNameServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, in := oneByOne(t, "glueless.txt", `-- story --
One zone has glue, two lie at the same host elsewhere, and one names a server that is not there as well.
-- zones --
$ORIGIN first.com.
_a1 CNAME _v1.xyz.acm-validations.aws.
$ORIGIN second.com. ; on ns1.host.net. ns2.host.net.
@ NS ns1.host.net.
@ NS ns2.host.net.
_a2 CNAME _v2.xyz.acm-validations.aws.
$ORIGIN third.com. ; on ns1.host.net. ns2.host.net.
@ NS ns1.host.net.
@ NS ns2.host.net.
_a3 CNAME _v3.xyz.acm-validations.aws.
$ORIGIN fourth.com. ; on ns1.host.net.
@ NS ns1.host.net.
@ NS ns3.host.net.
_a4 CNAME _v4.xyz.acm-validations.aws.
-- record --
_a1.first.com. CNAME _v1.xyz.acm-validations.aws.
-- want --
valid
`)
		records := recordsOf(t, [][2]string{
			{"_a1.first.com.", "_v1.xyz.acm-validations.aws."},
			{"_a2.second.com.", "_v2.xyz.acm-validations.aws."},
			{"_a3.third.com.", "_v3.xyz.acm-validations.aws."},
			{"_a4.fourth.com.", "_v4.xyz.acm-validations.aws."},
		})
		const plainly = 6
		n := 0
		for rep, err := range c.CheckAll(t.Context(), slices.Values(records)) {
			require.NoError(t, err)
			assert.Equal(t, validate.Valid, rep.Verdict, rep.Record.Name)
			asked := len(in.Queries())
			switch n {
			case 1:
				assert.Equal(t, asked, rep.Queries)
				assert.Greater(t, asked, plainly, "the addresses of two name servers")
				assert.LessOrEqual(t, asked, plainly+4)
				assert.Empty(t, rep.Findings)
			case 2:
				assert.Equal(t, plainly, asked)
			case 3:
				assert.NotEmpty(t, rep.Findings, "a name server without an address")
			}
			in.ResetQueries()
			n++
		}
		assert.Equal(t, 4, n)
	})
}

// The servers of a top-level domain answer for one zone with a referral to their own: what is below that name is not
// determined, and no other record is touched by it.
func TestManyOneBadReferral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := oneByOne(t, "loop.txt", `-- story --
The servers of com. refer to com. when they are asked for one name.
-- zones --
$ORIGIN first.com.
_a1 CNAME _v1.xyz.acm-validations.aws.
$ORIGIN second.com.
_a2 CNAME _v2.xyz.acm-validations.aws.
$ORIGIN third.com.
www A 192.0.2.80
$ORIGIN fourth.com.
_a4 CNAME _a1.first.com. ; for which com. is asked once more
-- faults --
ns1.nic.com. loop name _a2.second.com.
ns2.nic.com. loop name _a2.second.com.
-- record --
_a1.first.com. CNAME _v1.xyz.acm-validations.aws.
-- want --
valid
`)
		records := recordsOf(t, [][2]string{
			{"_a1.first.com.", "_v1.xyz.acm-validations.aws."},
			{"_a2.second.com.", "_v2.xyz.acm-validations.aws."},
			{"_a3.third.com.", "_v3.xyz.acm-validations.aws."},
			{"_a4.fourth.com.", "_v1.xyz.acm-validations.aws."},
		})
		var got []string
		for rep, err := range c.CheckAll(t.Context(), slices.Values(records)) {
			require.NoError(t, err)
			first := ""
			if len(rep.Findings) > 0 {
				first = " " + string(rep.Findings[0].Rule)
			}
			got = append(got, string(rep.Verdict)+first)
		}
		assert.Equal(t, []string{"valid", "undetermined server-lame", "invalid record-missing", "undetermined cname-chained"}, got)
	})
}

// oneByOne gives a checker of many records that has one under way at a time, and the world it asks.
func oneByOne(t *testing.T, file, text string) (*validate.Checker, *resolvertest.Internet) {
	t.Helper()
	w, err := validatetest.ParseWorld(file, text)
	require.NoError(t, err)
	in, err := w.Internet()
	require.NoError(t, err)
	client := &resolver.Client{Dial: in.Dial}
	c, err := w.Checker(in, client)
	require.NoError(t, err)
	c.Lean, c.Concurrency = true, 1
	c.Pool = &bulk.Pool{Sockets: 2, Listen: in.ListenPacket, Fallback: client}
	t.Cleanup(func() { assert.NoError(t, c.Pool.Close()) })
	return c, in
}

// recordsOf are records by name and value.
func recordsOf(t *testing.T, texts [][2]string) (records []validate.Record) {
	t.Helper()
	for _, text := range texts {
		r, _, err := validate.ParseRecord("", text[0], text[1])
		require.NoError(t, err)
		records = append(records, r)
	}
	return records
}
