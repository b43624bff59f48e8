package validate

import (
	"context"
	"fmt"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// perspectiveDiffers suspects name servers that answer some networks and not others.
type perspectiveDiffers struct{}

func (perspectiveDiffers) Info() Info {
	return Info{
		ID:    "perspective-differs",
		Title: "the name servers seem to answer some networks and not others",
		Text: "A CA looks from several places in the world, and most of them must see the record (at least four besides its own " +
			"since June 2026, in two regions or more). Firewalls against foreign or data-centre addresses, geographic DNS and " +
			"anycast nodes that differ make the answer depend on who asks. Seen from one machine that is never certain: this is " +
			"told where the name servers do not answer this machine and recursive resolvers get the record, or the other way round.",
		Wrong:    "the name servers are silent here, and 8.8.8.8 gets the record from them",
		Right:    "the name servers give every network the same answer",
		Fix:      "Open the name servers to all sources, over UDP and TCP, and serve the name everywhere alike, with no geographic or latency policy on it.",
		Severity: Warning,
		Refs:     []Ref{{"CA/B Forum Baseline Requirements", "3.2.2.9"}, {"RFC 8914", "4.23 and 4.24"}},
	}
}

func (perspectiveDiffers) Run(_ context.Context, p *Pass) error {
	all, err := p.heard()
	if err != nil {
		return err
	}
	public := where(all, func(x witness) bool { return !x.near() })
	fix := []Fix{{Where: WhereServers, Message: "let every network ask the name servers, over UDP and TCP; and serve this name everywhere alike"}}
	if len(p.answered()) == 0 {
		refused := p.with(IsLame, IsFailing, IsSilent)
		seeing := where(public, func(x witness) bool { return x.says(p.Record) == SaysRecord })
		if len(refused) == 0 || len(seeing) == 0 {
			return p.usable(all)
		}
		p.Report(Finding{
			Confidence: confidenceOf(len(seeing)), Fixes: fix,
			Message: fmt.Sprintf("no name server of %s gives this machine a usable answer, and %s the record: the name servers may refuse some networks, or the "+
				"resolvers remember a better time", p.facts.zone, list(seeing, witness.named)+plural(len(seeing), " has", " have")),
		}, append(answersOf(refused), heardFrom(seeing)...)...)
		return nil
	}
	if !p.allHold() {
		return fmt.Errorf("%w: the name servers do not all have the record", ErrNotApplicable)
	}
	// A failure that validation does not explain, and that the resolver does not put down to its own policy.
	failing := where(public, func(x witness) bool {
		return x.says(p.Record) == SaysFailure && !x.filtered() && !x.answer.Response.HasExtendedError(dnssecErrors...)
	})
	if len(failing) == 0 {
		return p.usable(all)
	}
	c := Possible
	if slices.ContainsFunc(failing, func(x witness) bool {
		return x.answer.Response.HasExtendedError(resolver.EDENoReachable, resolver.EDENetworkError)
	}) {
		c = Likely
	}
	p.Report(Finding{
		Confidence: c, Fixes: fix,
		Message: fmt.Sprintf("the name servers answer this machine, and %s an answer: they may refuse some networks, or the resolver remembers a failure "+
			"(for five minutes at most)", list(failing, witness.named)+plural(len(failing), " does not get", " do not get")),
	}, heardFrom(failing)...)
	return nil
}

// dnssecErrors are the extended errors by which a resolver says that it is validation which failed (RFC 8914, 4).
var dnssecErrors = []uint16{1, 2, 5, resolver.EDEBogus, 7, 8, 9, 10, 11, 12, 25, 27}

// confidenceOf gives what one host can be sure of: one witness may be stale, several hardly.
func confidenceOf(witnesses int) Confidence {
	if witnesses > 1 {
		return Likely
	}
	return Possible
}
