package main_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/realdns"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

// A real unbound is asked before the record exists, then NSD gets the record: the tool says valid, who still remembers
// otherwise, and until when, by the time that unbound itself shows; over plain DNS, TLS and HTTPS, and again from a
// transcript.
func TestRealResolverRemembers(t *testing.T) {
	realdns.Require(t, realdns.NSD, realdns.Unbound)
	n := realdns.New(t)
	if n.Port != 53 {
		t.Skip("unbound asks name servers on port 53 only, which this process may not bind")
	}
	root, host, unbound, doubting := n.Add(realdns.NSD), n.Add(realdns.NSD), n.Add(realdns.Unbound), n.Add(realdns.Unbound)
	zone := realdns.Delegation("stale.test.", host.Addr)
	root.Serve(".", realdns.Delegation(".", root.Addr)+realdns.Delegation("test.", root.Addr))
	root.Serve("test.", realdns.Delegation("test.", root.Addr)+zone)
	host.Serve("stale.test.", zone)
	unbound.Follow(root)
	doubting.Follow(root)
	doubting.Believe("stale.test. DS 4711 13 2 " + strings.Repeat("ab", 32))
	cert, pool, err := resolvertest.Certificate(time.Now(), "dns.example")
	require.NoError(t, err)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	require.NoError(t, err)
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	overTLS, overHTTPS := unbound.Secure(certPEM, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	n.Start()

	// Somebody is too early.
	name := resolver.MustParseName(token + ".stale.test.")
	client := &resolver.Client{AllowPrivate: true, RootCAs: pool}
	plain := resolver.PlainRecursor(netip.AddrPortFrom(unbound.Addr, 53))
	early, err := client.Resolve(t.Context(), resolver.Question{Name: name, Type: resolver.TypeCNAME, Recursor: plain, DNSSEC: true})
	require.NoError(t, err)
	require.Equal(t, resolver.NXDomain, early.RCode)
	ttl, ok := early.NegativeTTL()
	require.True(t, ok)
	require.Equal(t, 60*time.Second, ttl, "the zone's negative TTL")
	asked := time.Now()

	require.NoError(t, host.Replace("stale.test.", zone+token+" CNAME "+value+"\n"))
	require.Eventually(t, func() bool {
		r, err := client.Resolve(t.Context(), resolver.Question{Name: name, Type: resolver.TypeCNAME, Server: netip.AddrPortFrom(host.Addr, 53)})
		return err == nil && len(r.Answer) == 1
	}, time.Minute, 20*time.Millisecond, "NSD reads the zone again")

	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, certPEM, 0o600))
	t.Setenv("SSL_CERT_FILE", ca)
	c := tool{build(t), []string{"--roots", n.Hints(root), "--allow-private", "--timeout", "20s", "--port", strconv.Itoa(int(n.Port))}}
	type document struct {
		report
		ETA          time.Time
		Perspectives []struct {
			Resolver, Says string
			Until          time.Time
		}
	}
	for _, at := range []string{
		unbound.Addr.String(),
		fmt.Sprintf("tls://dns.example@%s", overTLS),
		fmt.Sprintf("https://dns.example@%s/dns-query", overHTTPS),
	} {
		t.Run(at[:strings.IndexAny(at, ":.")], func(t *testing.T) {
			transcript := filepath.Join(t.TempDir(), "dns.txt")
			args := slices.Concat([]string{"check", "--json", "--name", token + ".stale.test.", "--value", value, "--resolver", at, "--transcript", transcript}, c.dns)
			out, all, exit := c.run(t, "", args...)
			require.Equal(t, 0, exit, all)
			var d document
			require.NoError(t, json.Unmarshal([]byte(out), &d), all)
			assert.Equal(t, "valid", d.Verdict)
			require.NotEmpty(t, d.Findings, all)
			assert.Equal(t, "answer-stale notice", d.Findings[0].Rule+" "+d.Findings[0].Severity)
			require.Len(t, d.Perspectives, 1)
			assert.Equal(t, "no such name", d.Perspectives[0].Says)
			assert.Equal(t, d.Perspectives[0].Until, d.ETA)
			assert.WithinDuration(t, asked.Add(ttl), d.ETA, 3*time.Second, "unbound forgets 60 s after it asked, whenever the check is made")
			if strings.Contains(at, "://") {
				text, err := os.ReadFile(transcript)
				require.NoError(t, err)
				assert.Contains(t, string(text), "transport="+at[:strings.Index(at, "://")])
			}
			again, all, exit := c.run(t, "", "check", "--json", "--replay", transcript)
			require.Equal(t, 0, exit, all)
			assert.Equal(t, withoutTime(t, out), withoutTime(t, again))
		})
	}

	t.Run("text", func(t *testing.T) {
		out, all, exit := c.run(t, "", slices.Concat([]string{"check", "--name", token + ".stale.test.", "--value", value, "--resolver", unbound.Addr.String()}, c.dns)...)
		require.Equal(t, 0, exit, all)
		assert.Contains(t, out, "  no such name  until ")
		assert.Contains(t, out, "Seen everywhere from ")
	})
	// A resolver with a trust anchor that is not the zone's (any more) holds it for bogus.
	t.Run("doubting", func(t *testing.T) {
		r, all, exit := c.check(t, "stale.test.", "--resolver", doubting.Addr.String())
		require.Equal(t, 0, exit, all)
		assert.Equal(t, "valid", r.Verdict)
		require.Len(t, r.Findings, 1, all)
		assert.Equal(t, "resolver-differs notice", r.Findings[0].Rule+" "+r.Findings[0].Severity)
		assert.Contains(t, strings.Join(r.Findings[0].Evidence, "\n"), "says SERVFAIL; it adds: a DS record matches no key of the zone")
		assert.Contains(t, strings.Join(r.Findings[0].Evidence, "\n"), "without validation (cd), says NOERROR: CNAME "+value)
	})
	// A certificate that nobody trusts is told, and decides nothing.
	t.Run("untrusted", func(t *testing.T) {
		t.Setenv("SSL_CERT_FILE", os.DevNull)
		out, all, exit := c.run(t, "", slices.Concat([]string{"check", "--name", token + ".stale.test.", "--value", value, "--resolver", "tls://dns.example@" + overTLS.String()}, c.dns)...)
		require.Equal(t, 0, exit, all)
		assert.Contains(t, out, "no answer: its certificate cannot be trusted")
	})
}

// withoutTime is a report without what differs from run to run.
func withoutTime(t *testing.T, doc string) string {
	t.Helper()
	var m map[string]json.RawMessage
	require.NoError(t, json.NewDecoder(bytes.NewReader([]byte(doc))).Decode(&m))
	delete(m, "elapsed_ms")
	out, err := json.Marshal(m)
	require.NoError(t, err)
	return string(out)
}
