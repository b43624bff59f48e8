package validate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// WitnessPatience is how long a check waits for its witnesses, from its beginning. A verdict that is there earlier is not
// held up by name servers but may be by a silent witness, for this long and no longer.
const WitnessPatience = 1500 * time.Millisecond

// Says is what a witness says about the record, in a word or two.
type Says string

// What a witness can say.
const (
	SaysRecord  Says = "the record"
	SaysOther   Says = "another value"
	SaysNoName  Says = "no such name"
	SaysNoData  Says = "no such data"
	SaysFailure Says = "failure"      // SERVFAIL and the like
	SaysBogus   Says = "bogus"        // SERVFAIL, and with validation off an answer
	SaysNothing Says = "no answer"    // silence, nothing that listens, no certificate to trust
	SaysUseless Says = "no recursion" // somebody answers there and is no recursive resolver for this machine
)

// Perspective is what one witness says about the record, and until when. It is a plain value.
type Perspective struct {
	Resolver resolver.Recursor
	Own      bool // this machine's own
	Says     Says
	Text     string        // the same with its reason, in half a sentence
	Until    time.Time     // when it will ask again, by the TTL it shows, in whole seconds; zero where that is not known
	Left     time.Duration // how long that is from the moment of the check
}

// witness is one recursive resolver and what it said.
type witness struct {
	recursor  resolver.Recursor
	own       bool
	listed    bool            // one of [Checker.Witnesses], which this machine's own may be, too
	answer    resolver.Answer // to the record's CNAME
	unchecked resolver.Answer // the same with CD, where the first was a failure
	target    resolver.Answer // to the address of ACM's value; of this machine's own only
}

// witnesses are those of one check, asked beside everything else.
type witnesses struct {
	memo *resolver.Memo // their questions: they take none of the check's budget, and what they lack is no lack of the check's
	all  []witness
	done chan struct{} // closed when all has been asked; nil where there are none
}

// summon begins to ask the witnesses.
func (p *Pass) summon(ctx context.Context, r resolver.Resolver, list []resolver.Recursor, own resolver.Recursor) {
	w := &p.witnesses
	w.memo = &resolver.Memo{Resolver: r}
	seen := map[resolver.Recursor]bool{{}: true}
	for i, x := range append(slices.Clone(list), own) {
		if !seen[x] {
			seen[x] = true
			w.all = append(w.all, witness{recursor: x, own: x == own, listed: i < len(list)})
		}
	}
	if len(w.all) == 0 || p.Record.hopeless() {
		w.all = nil
		return
	}
	w.done = make(chan struct{})
	ctx, cancel := context.WithTimeout(ctx, WitnessPatience)
	var wg sync.WaitGroup
	for i := range w.all {
		x := &w.all[i]
		wg.Go(func() { x.hear(ctx, p) })
		if x.own {
			wg.Go(func() {
				x.target = p.askWitness(ctx, x.recursor, resolver.Question{Name: p.Record.Value, Type: resolver.TypeA})
			})
		}
	}
	go func() {
		wg.Wait()
		cancel()
		close(w.done)
	}()
}

// dismiss waits until no witness is being asked any more, and gives the number of questions that they were asked.
func (p *Pass) dismiss() int {
	if p.witnesses.done != nil {
		<-p.witnesses.done
	}
	return p.witnesses.memo.Asked()
}

func (x *witness) hear(ctx context.Context, p *Pass) {
	q := resolver.Question{Name: p.Record.Name, Type: resolver.TypeCNAME, DNSSEC: true}
	x.answer = p.askWitness(ctx, x.recursor, q)
	if x.answer.Err == nil && x.answer.Response.RCode == resolver.ServFail {
		q.CheckingDisabled = true
		x.unchecked = p.askWitness(ctx, x.recursor, q)
	}
}

func (p *Pass) askWitness(ctx context.Context, r resolver.Recursor, q resolver.Question) resolver.Answer {
	q.Recursor, q.Recursive = r, true
	res, err := p.witnesses.memo.Resolve(ctx, q)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = fmt.Errorf("validate: ask %s: %w", q, resolver.ErrTimeout) // our patience is over, or the client's: it is the same to who reads
	}
	return resolver.Answer{Question: q, Response: res, Err: err}
}

// heard gives what the witnesses said. The error is [ErrNotApplicable] where there are none.
func (p *Pass) heard() ([]witness, error) {
	if p.witnesses.done == nil {
		return nil, fmt.Errorf("%w: no recursive resolver is compared with", ErrNotApplicable)
	}
	<-p.witnesses.done
	return p.witnesses.all, nil
}

// Recursive asks every witness of the check ([Checker.Witnesses], then [Checker.Own]) for a name and type, at the same time
// and for no longer than [WitnessPatience]. The answers never decide a verdict. None where the check has no witnesses.
func (p *Pass) Recursive(ctx context.Context, name resolver.Name, t resolver.Type) Answers {
	ctx, cancel := context.WithTimeout(ctx, WitnessPatience)
	defer cancel()
	out := make(Answers, len(p.witnesses.all))
	var wg sync.WaitGroup
	for i := range p.witnesses.all {
		r := p.witnesses.all[i].recursor // the rest of it is still being heard
		wg.Go(func() {
			out[i] = p.askWitness(ctx, r, resolver.Question{Name: name, Type: t, DNSSEC: true})
		})
	}
	wg.Wait()
	return out
}

// says is what the witness says about the record.
func (x witness) says(r Record) Says {
	a := x.answer
	if a.Err != nil {
		return SaysNothing
	}
	if !a.Response.RecursionAvailable {
		return SaysUseless
	}
	t := targets(a.Response, a.Question.Name)
	switch a.Response.RCode {
	case resolver.NoError:
		switch {
		case len(t) == 1 && r.Accepts(t[0]):
			return SaysRecord
		case len(t) > 0:
			return SaysOther
		}
		return SaysNoData
	case resolver.NXDomain:
		return SaysNoName
	case resolver.ServFail:
		u := x.unchecked
		if u.Err == nil && !u.Question.Name.IsZero() && (u.Response.RCode == resolver.NoError || u.Response.RCode == resolver.NXDomain) {
			return SaysBogus
		}
		return SaysFailure
	}
	if x.filtered() {
		return SaysFailure
	}
	return SaysUseless // REFUSED, NOTIMP, NOTAUTH, FORMERR
}

// wrong reports whether the witness has an answer for the name that is not the record.
func (x witness) wrong(r Record) bool {
	switch x.says(r) {
	case SaysOther, SaysNoName, SaysNoData:
		return true
	}
	return false
}

// filtered reports whether the resolver says itself that the answer is its operator's doing (RFC 8914, 4.5 and 4.16 to 4.19).
func (x witness) filtered() bool {
	return x.answer.Response.HasExtendedError(4, resolver.EDEBlocked, resolver.EDECensored, resolver.EDEFiltered, resolver.EDEProhibited)
}

// near reports whether the resolver may see what the public does not: it is this machine's own, lives on a private address,
// or answers with an authority that only a name server of the zone has.
func (x witness) near() bool {
	at := x.recursor.AddrPort().Addr()
	return x.own && !x.listed || at.IsValid() && !resolver.PublicAddr(at) || x.answer.Response.Authoritative
}

// left is how long it will go on saying so; false where it does not say.
func (x witness) left(r Record) (time.Duration, bool) {
	switch x.says(r) {
	case SaysNothing, SaysUseless, SaysBogus:
		return 0, false
	}
	if x.filtered() {
		return 0, false
	}
	d, ok := leftOf(x.answer.Response)
	return d, ok && d > 0
}

// perspectives gives what the witnesses say, once all have been heard.
func (p *Pass) perspectives() []Perspective {
	all, err := p.heard()
	if err != nil {
		return nil
	}
	out := make([]Perspective, 0, len(all))
	for _, x := range all {
		w := Perspective{Resolver: x.recursor, Own: x.own, Says: x.says(p.Record), Text: x.text(p.Record)}
		if d, ok := x.left(p.Record); ok {
			w.Until, w.Left = p.Now.Add(d).Truncate(time.Second), d
		}
		out = append(out, w)
	}
	return out
}

// text says what the witness says, in half a sentence.
func (x witness) text(r Record) string {
	a := x.answer
	text := string(x.says(r))
	switch x.says(r) {
	case SaysOther:
		text += ": " + abridged(strings.Join(texts(targets(a.Response, a.Question.Name)), ", "))
	case SaysNothing:
		switch {
		case errors.Is(a.Err, resolver.ErrTimeout):
			return text + " in time"
		case errors.Is(a.Err, resolver.ErrMalformed):
			return text + " that can be understood"
		}
		return text + ": " + reasonText(a.Err)
	case SaysFailure:
		text = a.Response.RCode.String()
	case SaysBogus:
		text = a.Response.RCode.String() + ", and an answer where validation is off"
	case SaysUseless:
		text = "not a recursive resolver for this machine: " + a.Response.RCode.String()
		if a.Response.RCode == resolver.NoError || a.Response.RCode == resolver.NXDomain {
			text += ", no ra"
		}
	}
	return text + addedText(a.Response)
}

func (x witness) String() string { return x.recursor.String() }

// named gives the witness for a sentence.
func (x witness) named() string {
	if x.own {
		return "this machine's own resolver " + x.recursor.String()
	}
	return x.recursor.String()
}

// where picks the witnesses for which keep holds.
func where(all []witness, keep func(witness) bool) []witness {
	return slices.DeleteFunc(slices.Clone(all), func(x witness) bool { return !keep(x) })
}

func heardFrom(all []witness) []resolver.Answer {
	var out []resolver.Answer
	for _, x := range all {
		out = append(out, x.answer)
		if !x.unchecked.Question.Name.IsZero() {
			out = append(out, x.unchecked)
		}
	}
	return out
}

// usable is nil when a witness gave an answer about the record. Otherwise it wraps [ErrUndetermined].
func (p *Pass) usable(all []witness) error {
	for _, x := range all {
		if s := x.says(p.Record); s != SaysNothing && s != SaysUseless {
			return nil
		}
	}
	return fmt.Errorf("%w: no recursive resolver gave a usable answer", ErrUndetermined)
}

// allHold reports whether the name servers that answered all have the record; noneHolds, whether none of them has.
func (p *Pass) allHold() bool {
	n := len(p.answered())
	return n > 0 && len(p.with(Holds)) == n
}

func (p *Pass) noneHolds() bool { return len(p.answered()) > 0 && len(p.with(Holds)) == 0 }

// ofAnotherZone reports whether the denial of a witness comes from another zone than the public one: its SOA has another
// owner or another primary name server. The public zone's own denial is one that has been asked for already.
func (p *Pass) ofAnotherZone(ctx context.Context, x witness) bool {
	theirs, ok := x.answer.Response.SOA()
	if !ok || p.facts.zone.Below(theirs.Name) { // a zone above: from a time when this one was not delegated
		return false
	}
	if theirs.Name != p.facts.zone {
		return true
	}
	probe, ok := p.Record.Domain().Child(probeLabel(p.Record))
	if !ok {
		return false
	}
	a, err := p.AskOne(ctx, probe, resolver.TypeCNAME)
	if err != nil {
		return false
	}
	ours, ok := a.Response.SOA()
	if !ok || ours.Name != theirs.Name {
		return false // a wildcard has answered
	}
	o, ok1 := ours.SOA()
	t, ok2 := theirs.SOA()
	return ok1 && ok2 && o.MName != t.MName
}
