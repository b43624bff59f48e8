package validatetest

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

// Law is something that holds in every world, whatever its fault.
type Law struct {
	Name  string
	Why   string
	Holds func(t *testing.T, w World)
}

// Laws gives the laws of design.md, in its order.
func Laws() []Law {
	return []Law{
		{"once", "no question is asked twice in one check", once},
		{"replay", "checking from the transcript gives the same report, byte for byte, with no network", replay},
		{"fix", "applying the first fix whose place is the zone makes the world valid, or leaves what nothing in the zone mends", fix},
		{"silence", "a valid record has no error about it, an invalid one a certain one, and unrelated records change nothing", silence},
		{"certificate", "what ACM says about the certificate changes nothing of what is said about the DNS", certificate},
		{"no-flip", "one damaged packet changes no verdict, nor does a silent server turn valid into invalid", noFlip},
		{"many", "a stream of records gives the reports of single checks, byte for byte but for the count of questions", many},
		{"order", "order and speed of the answers never change the report", order},
		{"scope", "no fix names an owner that is neither the record's own nor a misplacement of it", scope},
		{"stop", "a cancelled check returns soon and leaves nothing behind", stop},
		{"bound", "whatever servers answer, a check ends within its budget", bound},
		{"witness", "whatever recursive resolvers say, or do not say, verdict and errors stay", witness},
		{"spelling", "case, final dot and white space around the input change nothing but a note", spelling},
	}
}

func once(t *testing.T, w World) {
	in := w.internet(t)
	rep := w.check(t, in)
	seen := map[resolver.Question]bool{}
	for _, q := range in.Queries() {
		if seen[q] {
			t.Errorf("asked twice: %s", q)
		}
		seen[q] = true
	}
	if len(seen) > rep.Queries {
		t.Errorf("the report counts %d questions, the servers %d", rep.Queries, len(seen))
	}
}

func replay(t *testing.T, w World) {
	in := w.internet(t)
	tr := &resolver.Transcript{Resolver: in}
	c, err := w.Checker(in, tr)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := c.Check(t.Context(), w.Record)
	if err != nil {
		t.Fatal(err)
	}
	text, err := tr.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	again, err := resolver.ParseTranscript(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c.Resolver = again
	rep2, err := c.Check(t.Context(), w.Record)
	if err != nil {
		t.Fatal(err)
	}
	same(t, rep, rep2)
}

func same(t *testing.T, a, b validate.Report) {
	t.Helper()
	x, y := document(t, a), document(t, b)
	if x == y {
		return
	}
	xs, ys := strings.Split(x, "\n"), strings.Split(y, "\n")
	for i := range min(len(xs), len(ys)) {
		if xs[i] != ys[i] {
			t.Errorf("the reports differ at line %d:\n%s\n%s", i+1, xs[i], ys[i])
			return
		}
	}
	t.Errorf("the reports differ in length:\n%s\n%s", x, y)
}

func fix(t *testing.T, w World) {
	in := w.internet(t)
	rep := w.check(t, in)
	f, ok := ZoneFix(rep)
	if !ok {
		return
	}
	if err := Apply(in, rep.Zone.Name, f); err != nil {
		t.Fatal(err)
	}
	after := w.check(t, in)
	if after.Verdict != validate.Valid && !leaves(rep, after) {
		t.Errorf("after\n%s\nit is %s:\n%s", strings.Join(Diff(f), "\n"), after.Verdict, join(Got(after)))
	}
}

// leaves reports whether all that is wrong after a fix was wrong before, too, and no change of the zone is proposed for it.
func leaves(before, after validate.Report) bool {
	if _, more := ZoneFix(after); more {
		return false
	}
	had := Got(before)
	return !slices.ContainsFunc(Got(after), func(x Want) bool { return x.Severity == validate.Error && !slices.Contains(had, x) })
}

func silence(t *testing.T, w World) {
	in := w.internet(t)
	rep := w.check(t, in)
	errors, certain := 0, 0
	for _, f := range rep.Findings {
		if f.Severity == validate.Error && f.About == validate.AboutRecord {
			errors++
			if f.Confidence == validate.Certain {
				certain++
			}
		}
	}
	if rep.Verdict == validate.Valid && errors > 0 {
		t.Error("it is valid and has an error about the record")
	}
	if (rep.Verdict == validate.Invalid) != (certain > 0) {
		t.Errorf("it is %s and has %d certain errors", rep.Verdict, certain)
	}
	for _, z := range in.Zones() {
		name, ok := z.Name.Child("unrelated-3141")
		if !ok || !z.FromText {
			continue
		}
		if err := in.SetRRset(z.Name, name, resolver.TypeA, 300, []string{"203.0.113.141"}); err != nil {
			t.Fatal(err)
		}
	}
	same(t, rep, w.check(t, in))
}

// certificate checks the record alone: verdict, questions and findings about the record must stay, though what is said about
// the certificate can be the cause of one.
func certificate(t *testing.T, w World) {
	if w.Record.Certificate.IsZero() || w.Record.Name.IsZero() {
		return
	}
	with := w.check(t, w.internet(t))
	alone := w
	alone.Record.Certificate = validate.Certificate{}
	without := alone.check(t, alone.internet(t))
	if with.Verdict != without.Verdict || with.Queries != without.Queries {
		t.Errorf("with the certificate it is %s after %d questions, without %s after %d", with.Verdict, with.Queries, without.Verdict, without.Queries)
	}
	said := func(r validate.Report) (out []validate.ID) {
		for _, f := range r.Findings {
			if f.About == validate.AboutRecord {
				out = append(out, f.Rule)
			}
		}
		slices.Sort(out)
		return out
	}
	if a, b := said(with), said(without); !slices.Equal(a, b) {
		t.Errorf("with the certificate %v is found about the record, without %v", a, b)
	}
}

// packets runs the world through a Client over packets in memory, where time is simulated.
func (w World) packets(t *testing.T, in *resolvertest.Internet) validate.Report {
	t.Helper()
	c, err := w.Checker(in, &resolver.Client{Dial: in.Dial, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := c.Check(t.Context(), w.Record)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func noFlip(t *testing.T, w World) {
	var total int
	var verdict validate.Verdict
	synctest.Test(t, func(t *testing.T) {
		in := w.internet(t)
		var n atomic.Int64
		in.OnPacket(func(resolvertest.Packet) resolvertest.Fault { n.Add(1); return resolvertest.Fault{} })
		verdict = w.packets(t, in).Verdict
		total = int(n.Load())
	})
	if verdict != w.Verdict {
		t.Fatalf("through packets it is %s, not %s", verdict, w.Verdict)
	}
	for n := 1; n <= total; n++ {
		for _, damage := range []resolvertest.Fault{
			{Action: resolvertest.Drop},
			{Action: resolvertest.Delay, Delay: 1500 * time.Millisecond},
			{Action: resolvertest.Truncate},
			{Action: []resolvertest.Action{resolvertest.Mangle, resolvertest.CutOff}[n%2]},
		} {
			if testing.Short() && (n+len(w.File))%4 != 0 {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				in := w.internet(t)
				var hit string
				in.OnPacket(func(p resolvertest.Packet) resolvertest.Fault {
					if p.Number == n {
						hit = fmt.Sprint(p.Server, " ", p.Question)
						return damage
					}
					return resolvertest.Fault{}
				})
				if got := w.packets(t, in).Verdict; got != w.Verdict {
					t.Errorf("packet %d (%s) %s: it is %s, not %s", n, hit, damage.Action, got, w.Verdict)
				}
			})
		}
	}
	w.silentServers(t)
}

// silentServers silences one address after the other, throughout.
func (w World) silentServers(t *testing.T) {
	for _, addr := range addrsOf(w.internet(t)) {
		in := w.internet(t)
		in.Fault(resolvertest.Fault{Addr: addr, Action: resolvertest.Drop})
		rep := w.check(t, in)
		switch {
		case rep.Verdict == w.Verdict || rep.Verdict == validate.Undetermined:
		case w.Verdict == validate.Undetermined:
			// A server whose answer was in the way is gone, and the others decide.
		case w.Verdict == validate.Valid:
			t.Errorf("with %s silent, valid became %s:\n%s", addr, rep.Verdict, join(Got(rep)))
		case rep.Verdict == validate.Valid:
			if !slices.ContainsFunc(rep.Findings, func(f validate.Finding) bool {
				return f.Severity == validate.Warning && strings.Contains(f.Message, addr.String())
			}) {
				t.Errorf("with %s silent, %s became valid without a warning that names it:\n%s", addr, w.Verdict, join(Got(rep)))
			}
		}
	}
}

func order(t *testing.T, w World) {
	var first validate.Report
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			in := w.internet(t)
			c, err := w.Checker(in, resolver.Func(func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				h := fnv.New64a()
				fmt.Fprint(h, q)
				wait := time.Duration(rand.New(rand.NewPCG(seed, h.Sum64())).IntN(400)) * time.Millisecond
				if seed > 0 {
					time.Sleep(wait)
				}
				return in.Resolve(ctx, q)
			}))
			if err != nil {
				t.Fatal(err)
			}
			rep, err := c.Check(t.Context(), w.Record)
			if err != nil {
				t.Fatal(err)
			}
			if seed == 0 {
				first = rep
				return
			}
			same(t, first, rep)
		})
	}
}

func scope(t *testing.T, w World) {
	rep := w.check(t, w.internet(t))
	for _, f := range rep.Findings {
		for _, x := range f.Fixes {
			if len(x.Changes) > 0 && x.Where != validate.WhereZone {
				t.Errorf("%s: changes of RRsets, and the place is %s", f.Rule, x.Where)
			}
			for _, c := range x.Changes {
				if !validate.InScope(rep.Record, rep.Zone.Name, c.Name) {
					t.Errorf("%s: the fix names %s", f.Rule, c.Name)
				}
				if len(c.To) > 0 && (c.Name != rep.Record.Name || c.Type != resolver.TypeCNAME || !slices.Equal(c.To, []string{rep.Record.Value.String()})) {
					t.Errorf("%s: the fix creates %s %s %v", f.Rule, c.Name, c.Type, c.To)
				}
				if c.Name != rep.Record.Name && c.Type != resolver.TypeCNAME {
					t.Errorf("%s: the fix deletes %s %s", f.Rule, c.Name, c.Type)
				}
			}
		}
	}
}

func stop(t *testing.T, w World) {
	for _, after := range []time.Duration{0, 30 * time.Millisecond, 70 * time.Millisecond, 130 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) { // ends only when no goroutine is left
			in := w.internet(t)
			in.Latency = 40 * time.Millisecond
			c, err := w.Checker(in, &resolver.Client{Dial: in.Dial, AllowPrivate: true})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			began := time.Now()
			_, err = c.Check(ctx, w.Record)
			if took := time.Since(began); took > after+50*time.Millisecond {
				t.Errorf("cancelled after %s, it returned after %s", after, took)
			}
			if err == nil && after == 0 && w.Record.Problem() == nil {
				t.Error("a cancelled check gave a report")
			}
		})
	}
}

func bound(t *testing.T, w World) {
	in := w.internet(t)
	c, err := w.Checker(in, in)
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 3, 6, 9} {
		c.MaxQuestions = limit
		in.ResetQueries()
		rep, err := c.Check(t.Context(), w.Record)
		if err != nil {
			t.Fatal(err)
		}
		n, heard := 0, 0
		for _, q := range in.Queries() {
			if q.Recursor.IsZero() {
				n++
			} else {
				heard++
			}
		}
		if n > limit {
			t.Errorf("a budget of %d questions, and %d asked", limit, n)
		}
		if most := 3 * (len(w.Witnesses) + 1); heard > most {
			t.Errorf("the witnesses were asked %d questions, at most %d are theirs", heard, most)
		}
		if rep.Verdict != w.Verdict && rep.Verdict != validate.Undetermined {
			t.Errorf("with a budget of %d questions it is %s", limit, rep.Verdict)
		}
	}
}

// moods are what a witness can be up to.
func moods(r validate.Record) []string {
	n := " " + r.Name.String() + " CNAME "
	return []string{
		n + "3600 " + r.Value.String(),
		n + "3600 _lie.acm-validations.aws. aa",
		n + "4294967295 _lie.acm-validations.aws.",
		n + "900 nxdomain",
		n + "900 nxdomain soa example. ns.example. aa",
		n + "0 nodata ede 15",
		n + "servfail ede 22",
		n + "bogus ede 6",
		n + "refused",
		"drop",
		"mangle",
		"closed",
		"delay 20s",
	}
}

func witness(t *testing.T, w World) {
	if w.Record.Problem() != nil {
		return
	}
	without := w
	without.Witnesses, without.Own = nil, resolver.Recursor{}
	base := without.check(t, without.internet(t))
	for i, mood := range moods(w.Record) {
		if testing.Short() && (i+len(w.File))%4 != 0 {
			continue
		}
		in := without.internet(t)
		with := without
		for j := range 3 {
			at := fmt.Sprintf("203.0.113.%d", 201+j)
			r := resolver.MustParseRecursor(at)
			if j == 2 {
				with.Own = r
			} else {
				with.Witnesses = append(with.Witnesses, r)
			}
			in.Recursor(r.AddrPort().Addr())
			if f, err := resolvertest.ParseFault(at + " " + mood); err == nil {
				in.Fault(f)
			} else if v, err := resolvertest.ParseView(at + mood); err == nil {
				in.View(v)
			} else {
				t.Fatal(err)
			}
		}
		rep := with.check(t, in)
		if rep.Verdict != base.Verdict {
			t.Errorf("with %q it is %s, not %s", mood, rep.Verdict, base.Verdict)
		}
		if got, want := errorsOf(rep), errorsOf(base); !slices.Equal(got, want) {
			t.Errorf("with %q the errors are\n%s\nwithout\n%s", mood, join(got), join(want))
		}
		if took := rep.Stats.Elapsed; took > max(base.Stats.Elapsed, validate.WitnessPatience) {
			t.Errorf("with %q it took %s", mood, took)
		}
	}
}

func errorsOf(rep validate.Report) []Want {
	return slices.DeleteFunc(Got(rep), func(w Want) bool { return w.Severity != validate.Error })
}

func spelling(t *testing.T, w World) {
	if len(w.Record.Notes) > 0 || w.Record.Name.IsZero() {
		return // the file spells it as it is on purpose, or there is nothing to spell
	}
	base := w.check(t, w.internet(t))
	var domain string
	if len(w.Record.Domains) > 0 {
		domain = w.Record.Domains[0].String()
	}
	n, v := w.Record.Name, w.Record.Value
	for _, s := range [][3]string{
		{domain, strings.ToUpper(n.String()), strings.ToUpper(v.String())},
		{strings.ToUpper(domain), n.Text(), v.Text()},
		{domain, "  " + n.String() + "\t", " " + v.Text() + " "},
	} {
		r, _, err := validate.ParseRecord(s[0], s[1], s[2])
		if err != nil {
			t.Errorf("%q: %v", s, err)
			continue
		}
		r.Notes = nil
		other := w
		other.Record = r
		other.Record.Domains, other.Record.Certificate = w.Record.Domains, w.Record.Certificate
		same(t, base, other.check(t, other.internet(t)))
	}
}
