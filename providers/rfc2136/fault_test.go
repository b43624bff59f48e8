package rfc2136_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/realdns"
	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/rfc2136"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

const (
	token = "_a79865eb4cd1a6ab990a45779b4e0b96"
	value = "_424c7224e9b0146f9a8808af955727d0.acm-validations.aws."
	other = "_0000000000000000000000000000dead.acm-validations.aws."
)

var (
	owner   = resolver.MustParseName(token + "." + zoneName)
	doubled = resolver.MustParseName(token + "." + zoneName + zoneName)
	zone    = providers.Zone{Apex: apex}
)

// middleman stands between the Client and a real server. Each message passes through on, which says what becomes of it.
type middleman struct {
	real     string
	on       func(m *dns.Msg) fate
	messages atomic.Int64
	mu       sync.Mutex
	seen     []string // opcode or type of each message
}

// fate is what becomes of a message.
type fate struct {
	rcode  int  // not 0: answered so, unsigned, and not passed on
	lost   bool // carried out; the connection ends where the answer should come
	before bool // the connection ends before it is passed on
}

func (mm *middleman) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	server, err := new(net.Dialer).DialContext(ctx, network, mm.real)
	if err != nil {
		return nil, err
	}
	client, ours := net.Pipe()
	go func() {
		defer server.Close()
		defer ours.Close()
		for {
			b, err := frame(ours)
			if err != nil {
				return
			}
			m := new(dns.Msg)
			if m.Unpack(b[2:]) != nil {
				return
			}
			mm.messages.Add(1)
			mm.mu.Lock()
			what := dns.OpcodeToString[m.Opcode]
			if m.Opcode == dns.OpcodeQuery {
				what = dns.Type(m.Question[0].Qtype).String()
			}
			mm.seen = append(mm.seen, what)
			mm.mu.Unlock()
			var f fate
			if mm.on != nil {
				f = mm.on(m)
			}
			if f.before {
				return
			}
			if f.rcode != 0 {
				wire, _ := new(dns.Msg).SetRcode(m, f.rcode).Pack()
				_, _ = ours.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...))
				continue
			}
			if _, err := server.Write(b); err != nil {
				return
			}
			if b, err = frame(server); err != nil {
				return
			}
			if f.lost {
				return // the connection ends
			}
			_, _ = ours.Write(b)
		}
	}()
	return client, nil
}

func frame(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	b := append(size[:], make([]byte, binary.BigEndian.Uint16(size[:]))...)
	_, err := io.ReadFull(r, b[2:])
	return b, err
}

func (mm *middleman) take() (seen []string) {
	mm.mu.Lock()
	defer mm.mu.Unlock()
	seen, mm.seen = mm.seen, nil
	return seen
}

func (p primary) through(t *testing.T, on func(*dns.Msg) fate) (*rfc2136.Client, *middleman) {
	mm := &middleman{real: p.at.String(), on: on}
	c := p.client(t)
	c.Dial = mm.dial
	return c, mm
}

func report(changes ...validate.Change) validate.Report {
	return validate.Report{
		Record:  validate.Record{Name: owner, Value: resolver.MustParseName(value), Domains: []resolver.Name{apex}},
		Verdict: validate.Invalid, Zone: validate.Zone{Name: apex, NameServers: []resolver.Name{resolver.MustParseName("ns1." + zoneName)}},
		Findings: []validate.Finding{{
			Rule: "name-doubled", Severity: validate.Error, Confidence: validate.Certain, Message: "seen by the test",
			Fixes: []validate.Fix{{Where: validate.WhereZone, Message: "change it", Changes: changes}},
		}},
	}
}

var (
	create = validate.Change{Name: owner, Type: resolver.TypeCNAME, TTL: 300, To: []string{value}}
	tidy   = validate.Change{Name: doubled, Type: resolver.TypeCNAME, TTL: 300, From: []string{value}}
)

func line(n resolver.Name, rest string) string { return n.String() + " 300 IN " + rest }

func update(m *dns.Msg) bool { return m.Opcode == dns.OpcodeUpdate }

// impatient waits for nothing between readings: these servers answer what they hold.
var impatient = providers.Applier{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}

// What a user waits for is messages: the exact ones are written down, so that nobody adds one unseen.
func TestMessages(t *testing.T) {
	for _, p := range start(t, nil, realdns.BIND, realdns.Knot, realdns.PowerDNS) {
		t.Run(string(p.Kind), func(t *testing.T) {
			c, mm := p.through(t, nil)
			require.NoError(t, p.seed())
			_, err := c.Read(t.Context(), zone, owner)
			require.NoError(t, err)
			require.Equal(t, []string{"SOA", "CNAME"}, mm.take(), "nothing there")
			require.NoError(t, p.seed(line(owner, "CNAME "+value)))
			_, err = c.Read(t.Context(), zone, owner)
			require.NoError(t, err)
			require.Equal(t, []string{"SOA", "CNAME", "CNAME"}, mm.take(), "a record: is there a wildcard, too?")
			require.NoError(t, p.seed(line(owner, `TXT "x"`)))
			_, err = c.Read(t.Context(), zone, owner)
			require.NoError(t, err)
			require.Equal(t, []string{"SOA", "CNAME", "ANY", "TXT", "A", "AAAA", "MX", "NS", "CAA", "SRV", "PTR", "TLSA", "SVCB", "HTTPS", "CNAME"}, mm.take(), "other data")

			require.NoError(t, p.seed(line(doubled, "CNAME "+value)))
			plan, err := providers.NewPlan(t.Context(), c, report(create, tidy))
			require.NoError(t, err)
			planned := []string{
				"SOA", "SOA", // which zones are there: example.test and test
				"SOA", "CNAME", "CNAME", "CNAME", // the two names
				"CNAME", "ANY", "TXT", "A", "AAAA", "MX", "NS", "CAA", "SRV", "PTR", "TLSA", "SVCB", "HTTPS", // the apex: whose NS are in it
			}
			if p.Kind != realdns.Knot {
				planned = append(planned, "SOA") // the answer to ANY is whole
			}
			require.Equal(t, planned, mm.take(), "a plan")
			res, err := impatient.Apply(t.Context(), c, plan)
			require.NoError(t, err)
			require.Len(t, res.Done, 2)
			require.Equal(t, []string{
				"SOA", "CNAME", "CNAME", "CNAME",
				"UPDATE",
				"SOA", "CNAME", "CNAME", "CNAME",
			}, mm.take(), "applied: read, one write, read")
		})
	}
}

// The whole life of a change in which the answer to the update is lost: it was carried out, and that is found by reading.
func TestAnswerLost(t *testing.T) {
	for _, p := range start(t, nil, realdns.BIND, realdns.Knot, realdns.PowerDNS) {
		t.Run(string(p.Kind), func(t *testing.T) {
			require.NoError(t, p.seed(line(doubled, "CNAME "+value)))
			c, mm := p.through(t, func(m *dns.Msg) fate { return fate{lost: update(m)} })
			plan, err := providers.NewPlan(t.Context(), c, report(create, tidy))
			require.NoError(t, err)
			mm.take()
			res, err := impatient.Apply(t.Context(), c, plan)
			require.NoError(t, err)
			require.Len(t, res.Done, 2)
			require.Equal(t, 1, strings.Count(strings.Join(mm.take(), " "), "UPDATE"), "an update is never sent twice")
			dump, err := p.dump()
			require.NoError(t, err)
			require.Equal(t, []string{owner.String() + " CNAME " + value}, dump)
		})
	}
}

// Each of these ends in an error that says what to do, with nothing changed and nothing of the key in it.
func TestRefusals(t *testing.T) {
	p := start(t, nil, realdns.BIND)[0]
	for name, tt := range map[string]struct {
		on   func(*dns.Msg) fate
		is   error
		text string
	}{
		"refused": {func(m *dns.Msg) fate {
			if update(m) {
				return fate{rcode: dns.RcodeRefused}
			}
			return fate{}
		}, providers.ErrPermission, "REFUSED"},
		"not the primary": {func(m *dns.Msg) fate {
			if update(m) {
				return fate{rcode: dns.RcodeNotAuth}
			}
			return fate{}
		}, providers.ErrPermission, "NOTAUTH"},
		"a failing server": {func(m *dns.Msg) fate {
			if update(m) {
				return fate{rcode: dns.RcodeServerFailure}
			}
			return fate{}
		}, nil, "SERVFAIL"},
		"no updates at all": {func(m *dns.Msg) fate {
			if update(m) {
				return fate{rcode: dns.RcodeNotImplemented}
			}
			return fate{}
		}, nil, "takes no updates"},
		"success that is not signed": {func(m *dns.Msg) fate {
			if update(m) {
				return fate{rcode: dns.RcodeYXDomain}
			}
			return fate{}
		}, nil, "not signed"},
		"lost on the way": {func(m *dns.Msg) fate { return fate{before: update(m)} }, nil, "closed the connection without an answer"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, p.seed(line(owner, "CNAME "+other)))
			c, _ := p.through(t, tt.on)
			plan, err := providers.NewPlan(t.Context(), c, report(create))
			require.NoError(t, err)
			_, err = impatient.Apply(t.Context(), c, plan)
			require.ErrorContains(t, err, tt.text)
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
			silentAbout(t, err.Error())
			dump, err := p.dump()
			require.NoError(t, err)
			require.Equal(t, []string{owner.String() + " CNAME " + other}, dump)
		})
	}
}

// silentAbout makes sure that the secret is not in a text.
func silentAbout(t *testing.T, texts ...string) {
	t.Helper()
	for _, s := range texts {
		require.NotContains(t, s, secretText)
		require.NotContains(t, s, "marker-secret")
	}
}

// A server that is not the zone's primary refuses; where the updates go is in the zone.
func TestPrimaryIsNamed(t *testing.T) {
	n := realdns.New(t)
	realdns.Require(t, realdns.BIND)
	s := n.Add(realdns.BIND)
	s.AllowUpdates(key)
	elsewhere := n.Address()
	s.Serve(zoneName, realdns.Delegation(zoneName, elsewhere)) // ns1, which the SOA names, is elsewhere
	n.Start()
	p := primary{s, netip.AddrPortFrom(s.Addr, n.Port)}
	c, _ := p.through(t, func(m *dns.Msg) fate {
		if update(m) {
			return fate{rcode: dns.RcodeNotAuth}
		}
		return fate{}
	})
	err := c.Write(t.Context(), zone, createBatch)
	require.ErrorIs(t, err, providers.ErrPermission)
	require.ErrorContains(t, err, "updates go to the zone's primary, ns1.example.test.")
}

var createBatch = providers.Batch{
	Owners: []resolver.Name{owner},
	Create: []providers.RRset{{Name: owner, Type: resolver.TypeCNAME, TTL: 300, Values: []string{value}}},
}

// Somebody's edit between the engine's last reading and the write is kept: only the server can see it.
func TestAnotherEditor(t *testing.T) {
	for _, p := range start(t, nil, realdns.BIND, realdns.Knot, realdns.PowerDNS) {
		for name, tt := range map[string]struct{ before, edit string }{
			"a new value":     {line(owner, "CNAME "+other), line(owner, "CNAME www.example.test.")},
			"a new record":    {line(doubled, "CNAME "+value), line(owner, `TXT "mine"`)},
			"deleted":         {line(owner, "CNAME "+other), "www.example.test. 300 IN A 192.0.2.1"},
			"done by another": {line(doubled, "CNAME "+value), line(owner, "CNAME "+value)},
		} {
			t.Run(string(p.Kind)+" "+name, func(t *testing.T) {
				require.NoError(t, p.seed(tt.before))
				var edited []string
				c, _ := p.through(t, func(m *dns.Msg) fate {
					if update(m) && edited == nil {
						require.NoError(t, p.seed(tt.edit))
						edited, _ = p.dump()
					}
					return fate{}
				})
				plan, err := providers.NewPlan(t.Context(), c, report(create, tidy))
				require.NoError(t, err)
				_, err = impatient.Apply(t.Context(), c, plan)
				if name == "done by another" {
					require.NoError(t, err, "the zone is as wanted")
				} else {
					require.ErrorIs(t, err, providers.ErrConflict)
				}
				dump, err := p.dump()
				require.NoError(t, err)
				require.Equal(t, edited, dump)
			})
		}
	}
}

// Credentials that stop being good between planning and applying, in each way that a key can be wrong.
func TestKeyIsWrong(t *testing.T) {
	for _, p := range start(t, nil, realdns.BIND, realdns.Knot, realdns.PowerDNS) {
		require.NoError(t, p.seed(line(owner, "CNAME "+other)))
		plan, err := providers.NewPlan(t.Context(), p.client(t), report(create))
		require.NoError(t, err)
		for name, tt := range map[string]struct{ keyName, alg, secret, text string }{
			"unknown name":     {"somebody.", "hmac-sha256.", secretText, "has no key somebody."},
			"another secret":   {"acmdoctor.", "hmac-sha256.", "bWFya2VyLXNlY3JldC1vdGhlcg==", "another secret for the key acmdoctor."},
			"wrong algorithm":  {"acmdoctor.", "hmac-sha512.", secretText, "has no key acmdoctor. with hmac-sha512."},
			"no key, unsigned": {"", "", "", ""},
		} {
			t.Run(string(p.Kind)+" "+name, func(t *testing.T) {
				config := p.config()
				config.KeyName, config.KeyAlg, config.Key = tt.keyName, tt.alg, tt.secret
				c, err := rfc2136.New(config)
				require.NoError(t, err)
				_, err = impatient.Apply(t.Context(), c, plan)
				require.ErrorIs(t, err, providers.ErrPermission)
				if p.Kind == realdns.PowerDNS && tt.text != "" {
					tt.text = "does not know the key"
				}
				require.ErrorContains(t, err, tt.text)
				silentAbout(t, err.Error())
				dump, err := p.dump()
				require.NoError(t, err)
				require.Equal(t, []string{owner.String() + " CNAME " + other}, dump)
			})
		}
	}
}

// A clock that is wrong makes every signature wrong: it is said which clock says what.
func TestClockIsWrong(t *testing.T) {
	for _, p := range start(t, nil, realdns.BIND, realdns.Knot, realdns.PowerDNS) {
		c := p.client(t)
		c.Now = func() time.Time { return time.Now().Add(-2 * time.Hour) }
		_, err := c.Read(t.Context(), zone, owner)
		require.ErrorIs(t, err, providers.ErrPermission)
		require.ErrorContains(t, err, "clock", p.Kind)
		if p.Kind == realdns.PowerDNS {
			continue // it does not say its time
		}
		require.ErrorContains(t, err, "there "+time.Now().UTC().Format("2006-01-02T15:"), p.Kind)
	}
}

// In a zone that Knot signs itself, a deletion and an addition at one name lose the second. Here the addition that follows is lost,
// too, in each way: what was there stands there again, or it is said that it does not.
func TestKnotLosesAdditions(t *testing.T) {
	p := start(t, (*realdns.Server).SignItself, realdns.Knot)[0]
	batch := func(t *testing.T, c *rfc2136.Client) providers.Batch {
		sets, err := c.Read(t.Context(), zone, owner)
		require.NoError(t, err)
		return providers.Batch{Owners: createBatch.Owners, Expect: sets, Delete: sets, Create: createBatch.Create}
	}
	for _, before := range []string{"CNAME " + other, `TXT "old"`} {
		updates := 0
		c, mm := p.through(t, func(m *dns.Msg) fate {
			if update(m) {
				if updates++; updates == 2 {
					return fate{rcode: dns.RcodeServerFailure}
				}
			}
			return fate{}
		})
		require.NoError(t, p.seed(line(owner, before)))
		b := batch(t, c)
		mm.take()
		err := c.Write(t.Context(), zone, b)
		require.ErrorContains(t, err, "has been put back")
		require.Equal(t, 3, updates, "all at once, the addition, and what was there")
		dump, err := p.dump()
		require.NoError(t, err)
		require.Equal(t, []string{owner.String() + " " + before}, dump)

		// Somebody takes the name in between: theirs stays, and no conflict is reported that would say that nothing was written.
		updates = 0
		c, _ = p.through(t, func(m *dns.Msg) fate {
			if update(m) {
				if updates++; updates == 2 {
					require.NoError(t, p.seed(line(owner, "A 192.0.2.1")))
				}
			}
			return fate{}
		})
		err = c.Write(t.Context(), zone, b)
		require.ErrorContains(t, err, "putting back what was there failed, too")
		require.NotErrorIs(t, err, providers.ErrConflict)
		dump, err = p.dump()
		require.NoError(t, err)
		require.Equal(t, []string{owner.String() + " A 192.0.2.1"}, dump)
	}
	require.NoError(t, p.seed(line(owner, "CNAME "+other)))
	c, mm := p.through(t, nil)
	b := batch(t, c)
	mm.take()
	require.NoError(t, c.Write(t.Context(), zone, b))
	require.Equal(t, []string{"UPDATE", "CNAME", "UPDATE"}, mm.take())
}

func TestZoneIsNotThere(t *testing.T) {
	for _, p := range start(t, nil, realdns.BIND, realdns.Knot, realdns.PowerDNS) {
		t.Run(string(p.Kind), func(t *testing.T) {
			c := p.client(t)
			for _, n := range []string{"example.net.", "sub.example.test.", "test."} {
				_, err := c.Read(t.Context(), providers.Zone{Apex: resolver.MustParseName(n)}, resolver.MustParseName(token+"."+n))
				require.ErrorIs(t, err, providers.ErrZoneNotFound, n)
				err = c.Write(t.Context(), providers.Zone{Apex: resolver.MustParseName(n)}, createBatch)
				require.Error(t, err, n)
			}
			err := c.Write(t.Context(), zone, providers.Batch{Owners: []resolver.Name{resolver.MustParseName("www.example.net.")}})
			require.ErrorIs(t, err, providers.ErrOutOfScope)
			zones, err := c.FindZones(t.Context(), doubled)
			require.NoError(t, err)
			require.Equal(t, []providers.Zone{{Apex: apex}}, zones)
			zones, err = c.FindZones(t.Context(), resolver.MustParseName("x.example.net."))
			require.NoError(t, err)
			require.Empty(t, zones)
		})
	}
}

// A wildcard answers for names that hold nothing, and a name that holds the same as the wildcard is told from it.
func TestWildcard(t *testing.T) {
	for _, p := range start(t, nil, realdns.BIND, realdns.Knot, realdns.PowerDNS) {
		t.Run(string(p.Kind), func(t *testing.T) {
			c := p.client(t)
			for _, wildcard := range []string{"CNAME " + value, `TXT "x"`, "A 192.0.2.1"} {
				require.NoError(t, p.seed("*.example.test. 300 IN "+wildcard))
				sets, err := c.Read(t.Context(), zone, owner, doubled)
				require.NoError(t, err)
				require.Empty(t, sets, wildcard)
				require.NoError(t, p.seed("*.example.test. 300 IN "+wildcard, line(owner, wildcard)))
				sets, err = c.Read(t.Context(), zone, owner, doubled, resolver.MustParseName("*.example.test."))
				require.NoError(t, err)
				require.Len(t, sets, 2, wildcard)
				require.Equal(t, owner, sets[0].Name)
			}
			require.NoError(t, p.seed("*.example.test. 300 IN A 192.0.2.1"))
			plan, err := providers.NewPlan(t.Context(), c, report(create))
			require.NoError(t, err)
			res, err := impatient.Apply(t.Context(), c, plan)
			require.NoError(t, err)
			back, err := res.Undo.Plan(t.Context(), c)
			require.NoError(t, err)
			_, err = impatient.Apply(t.Context(), c, back)
			require.NoError(t, err)
			dump, err := p.dump()
			require.NoError(t, err)
			require.Equal(t, []string{"*.example.test. A 192.0.2.1"}, dump)

			if p.Kind == realdns.BIND {
				return // it tells anybody who may ask questions
			}
			// Who may not update is not told which it is.
			config := p.config()
			config.KeyName, config.KeyAlg, config.Key = "", "", ""
			unsigned, err := rfc2136.New(config)
			require.NoError(t, err)
			_, err = unsigned.Read(t.Context(), zone, owner)
			require.ErrorIs(t, err, providers.ErrPermission)
		})
	}
}

// A name that exists only because something stands below it holds nothing, and is free.
func TestEmptyNonTerminal(t *testing.T) {
	for _, p := range start(t, nil, realdns.BIND, realdns.Knot, realdns.PowerDNS) {
		t.Run(string(p.Kind), func(t *testing.T) {
			require.NoError(t, p.seed("below."+line(owner, "A 192.0.2.1")))
			c := p.client(t)
			sets, err := c.Read(t.Context(), zone, owner)
			require.NoError(t, err)
			require.Empty(t, sets)
			require.NoError(t, c.Write(t.Context(), zone, createBatch))
			sets, err = c.Read(t.Context(), zone, owner)
			require.NoError(t, err)
			require.Len(t, sets, 1)
			require.ErrorIs(t, c.Write(t.Context(), zone, createBatch), providers.ErrConflict)
		})
	}
}

// A record below a delegation or a DNAME is taken by the server and answered never.
func TestOccluded(t *testing.T) {
	for _, p := range start(t, nil, realdns.BIND, realdns.Knot, realdns.PowerDNS) {
		t.Run(string(p.Kind), func(t *testing.T) {
			c := p.client(t)
			for _, above := range []string{"sub.example.test. 300 IN NS ns.example.net.", "sub.example.test. 300 IN DNAME example.net."} {
				if p.Kind == realdns.PowerDNS && strings.Contains(above, "DNAME") {
					continue // it answers none unless it is told to, and so hides nothing
				}
				require.NoError(t, p.seed(above))
				below := resolver.MustParseName(token + ".sub.example.test.")
				_, err := c.Read(t.Context(), zone, below)
				require.ErrorIs(t, err, providers.ErrNotAuthoritative, above)
			}
		})
	}
}

// Cancellation ends a call at once, whatever the server does; a server that says nothing is given up, not waited for.
func TestSilence(t *testing.T) {
	n := realdns.New(t)
	c, err := rfc2136.Open(fmt.Appendf(nil, `{"server":"%s:%d","key_name":"acmdoctor","key":%q}`, n.Silent(), n.Port, secretText))
	require.NoError(t, err)
	for _, call := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := c.Read(ctx, zone, owner); return err },
		func(ctx context.Context) error { return c.Write(ctx, zone, createBatch) },
		func(ctx context.Context) error { _, err := c.FindZones(ctx, owner); return err },
		func(ctx context.Context) error { _, err := c.Search(ctx, zone, token); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		require.ErrorIs(t, call(ctx), context.Canceled)
	}
	c.Patience = 20 * time.Millisecond
	_, err = c.Read(t.Context(), zone, owner)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "no answer in 20ms")
	silentAbout(t, err.Error())

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("dialled") }
	_, err = c.Read(ctx, zone, owner)
	require.ErrorIs(t, err, context.Canceled)
	_, err = c.Read(t.Context(), zone, owner)
	require.ErrorContains(t, err, "dialled")
}

// A server may close a connection after any answer; a question is then asked on a new one.
func TestOneQuestionAConnection(t *testing.T) {
	p := start(t, nil, realdns.BIND)[0]
	require.NoError(t, p.seed(line(owner, "CNAME "+value)))
	c := p.client(t)
	mm := &middleman{real: p.at.String()}
	dials := 0
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		dials++
		conn, err := mm.dial(ctx, network, address)
		return &once{Conn: conn}, err
	}
	sets, err := c.Read(t.Context(), zone, owner)
	require.NoError(t, err)
	require.Len(t, sets, 1)
	require.Equal(t, 3, dials)
}

// once is a connection that ends after one answer.
type once struct {
	net.Conn
	writes int
}

func (o *once) Write(b []byte) (int, error) {
	if o.writes++; o.writes > 1 {
		_ = o.Close()
		return 0, io.EOF
	}
	return o.Conn.Write(b)
}

func TestSearch(t *testing.T) {
	for _, p := range start(t, nil, realdns.BIND, realdns.Knot, realdns.PowerDNS) {
		t.Run(string(p.Kind), func(t *testing.T) {
			lines := []string{line(doubled, "CNAME "+value), line(resolver.MustParseName(token+".deep.example.test."), "CNAME "+value)}
			for i := range 1000 {
				lines = append(lines, fmt.Sprintf("host%d.example.test. 300 IN TXT \"a text that makes the zone larger than one message\"", i))
			}
			require.NoError(t, p.seed(lines...))
			sets, err := p.client(t).Search(t.Context(), zone, strings.ToUpper(token))
			require.NoError(t, err)
			require.Len(t, sets, 2)
			if p.Kind == realdns.PowerDNS {
				return // it lets this machine transfer zones without a key
			}
			config := p.config()
			config.KeyName, config.KeyAlg, config.Key = "", "", ""
			unsigned, err := rfc2136.New(config)
			require.NoError(t, err)
			_, err = unsigned.Search(t.Context(), zone, token)
			require.ErrorIs(t, err, providers.ErrPermission)
		})
	}
}

// A marker in place of the secret comes up in nothing that is printed, kept or logged.
func TestSecretIsNowhere(t *testing.T) {
	p := start(t, nil, realdns.BIND)[0]
	require.NoError(t, p.seed(line(doubled, "CNAME "+value)))
	c := p.client(t)
	plan, err := providers.NewPlan(t.Context(), c, report(create, tidy))
	require.NoError(t, err)
	var kept []byte
	a := providers.Applier{Sleep: impatient.Sleep, Journal: func(_ context.Context, u providers.Undo) (err error) {
		kept, err = json.Marshal(u)
		return err
	}}
	res, err := a.Apply(t.Context(), c, plan)
	require.NoError(t, err)
	b, err := json.Marshal(plan)
	require.NoError(t, err)
	keys, err := rfc2136.ParseKeys(`key "acmdoctor" { algorithm hmac-sha256; secret "` + secretText + `"; };`)
	require.NoError(t, err)
	asJSON, err := json.Marshal(keys)
	require.NoError(t, err)
	silentAbout(t, plan.String(), string(b), string(kept), fmt.Sprintf("%+v %v", res, res.Undo), fmt.Sprintf("%v %+v %#v", c, c, c), fmt.Sprintf("%v %+v %#v", *c, *c, *c),
		fmt.Sprintf("%v %+v %#v", keys, keys, keys), string(asJSON))
	for _, bad := range []string{
		`{"server":"192.0.2.1","key_name":"k","key":"marker-secret"}`, `{"server":"192.0.2.1","key_name":"k","key_alg":"hmac-md5","key":"marker-secret"}`,
		`{"server":"192.0.2.1","key_name":"k","key":"marker-secret`, `{"server":"192.0.2.1","kee":"marker-secret"}`,
	} {
		_, err := rfc2136.Open([]byte(bad))
		require.ErrorIs(t, err, rfc2136.ErrBadConfig, bad)
		silentAbout(t, err.Error())
	}
}

func TestIPv6(t *testing.T) {
	p := start(t, nil, realdns.BIND)[0]
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	defer l.Close()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp4", p.at.String())
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
			go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
		}
	}()
	config := p.config()
	config.Server = l.Addr().String()
	c, err := rfc2136.New(config)
	require.NoError(t, err)
	_, err = c.Read(t.Context(), zone, owner)
	require.NoError(t, err)
}
