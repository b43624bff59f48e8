package providers

import (
	"context"
	"fmt"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// Rules gives the rules of package validate together with those that only a provider can answer, from what was read there, in the
// order in which their findings are put. A check with them asks the DNS as any other and the provider nothing.
func Rules(f Facts) []validate.Rule { return JoinRules(validate.Rules(), f) }

// JoinRules puts the provider's rules among the given ones, each at its place. Where the DNS shows one form of a fault and the
// provider another, the two are one rule: the provider's word is taken first, since it is certain, and the DNS is looked at where it
// says nothing. Rules that would explain nothing in the set are left out. What was not read, for want of a permission, leaves a rule undetermined, which changes no verdict.
func JoinRules(rules []validate.Rule, f Facts) []validate.Rule {
	out := slices.Clone(rules)
	for _, r := range providerRules() {
		r.facts = f
		i := indexOf(out, r.info.ID)
		if i >= 0 {
			r.dns = out[i]
			r.info = joinedInfo(out[i].Info(), r.info)
			if again, ok := out[i].(providerRule); ok {
				r.dns, r.info = again.dns, again.info
			}
			out[i] = r
			continue
		}
		r.info.Explains = slices.DeleteFunc(slices.Clone(r.info.Explains), func(id validate.ID) bool { return indexOf(out, id) < 0 })
		if r.info.Title == "" || len(r.info.Explains) == 0 {
			continue // half of a rule that is not in the set, or there is nothing for it to explain
		}
		place := slices.IndexFunc(r.before, func(id validate.ID) bool { return indexOf(out, id) >= 0 })
		if place < 0 {
			out = append(out, r)
			continue
		}
		out = slices.Insert(out, indexOf(out, r.before[place]), validate.Rule(r))
	}
	return out
}

func indexOf(rules []validate.Rule, id validate.ID) int {
	return slices.IndexFunc(rules, func(r validate.Rule) bool { return r.Info().ID == id })
}

// providerRules are in the order of the catalogue.
func providerRules() []providerRule {
	return []providerRule{recordMisplaced, delegationMismatch, zoneElsewhere, zonePrivate, recordFlattened, nameMangled, changePending}
}

// providerRule is a rule that reads what the provider holds.
type providerRule struct {
	info   validate.Info
	before []validate.ID // it stands before the first of these that is in the set
	find   func(ctx context.Context, p *validate.Pass, f Facts, zone validate.Zone) *validate.Finding

	facts Facts
	dns   validate.Rule // the rule of the same ID that looks at the DNS alone
}

// joinedInfo tells of both forms.
func joinedInfo(dns, provider validate.Info) validate.Info {
	dns.Text += " " + provider.Text
	for _, r := range provider.Refs {
		if !slices.Contains(dns.Refs, r) {
			dns.Refs = append(slices.Clip(dns.Refs), r)
		}
	}
	return dns
}

// Info describes the rule.
func (r providerRule) Info() validate.Info { return r.info }

// Run reports what the provider shows or, where it shows nothing, what the DNS does.
func (r providerRule) Run(ctx context.Context, p *validate.Pass) error {
	finding, err := r.look(ctx, p)
	switch {
	case finding != nil:
		p.Report(*finding)
		return nil
	case r.dns != nil:
		return r.dns.Run(ctx, p)
	}
	return err
}

func (r providerRule) look(ctx context.Context, p *validate.Pass) (*validate.Finding, error) {
	switch {
	case r.facts.Provider == "":
		return nil, fmt.Errorf("%w: no provider was asked", validate.ErrNotApplicable)
	case r.facts.Record.Name != p.Record.Name || r.facts.Record.Value != p.Record.Value:
		return nil, fmt.Errorf("%w: what was read at %s is about another record", validate.ErrNotApplicable, r.facts.Provider)
	}
	zone, err := p.Zone(ctx)
	if err != nil {
		return nil, err
	}
	answered, held := false, false
	for _, v := range p.Servers() {
		answered = answered || v.Standing.Answered()
		held = held || v.Standing == validate.Holds && v.Delegated
	}
	if answered && (!held || r.info.ID == changePending.info.ID) {
		if finding := r.find(ctx, p, r.facts, zone); finding != nil {
			return finding, nil
		}
	}
	if len(r.facts.Missing) > 0 {
		return nil, fmt.Errorf("%w: %s", validate.ErrUndetermined, r.facts.Missing[0])
	}
	return nil, nil
}

// standing says of a zone of the delegated name whether the world is sent to it.
type standing int

const (
	unrelated standing = iota // of another name, or private
	asked                     // the delegation leads to it
	notAsked                  // the delegation leads elsewhere, or the provider does not answer for it
	unsaid                    // the provider does not say from which servers it answers
)

func (z ZoneFacts) standing(zone validate.Zone) standing {
	switch {
	case z.Private || z.Apex != zone.Name:
		return unrelated
	case z.Status != "":
		return notAsked
	case len(z.NameServers) == 0:
		return unsaid
	case slices.ContainsFunc(z.NameServers, func(n resolver.Name) bool { return slices.Contains(zone.NameServers, n) }):
		return asked
	}
	return notAsked
}

// holding gives the zones of this standing that hold the record.
func (f Facts) holding(zone validate.Zone, want ...standing) (out []ZoneFacts) {
	for _, z := range f.Zones {
		if slices.Contains(want, z.standing(zone)) && f.right(z) != nil {
			out = append(out, z)
		}
	}
	return out
}

// called gives a zone's name and, where it has one, its ID.
func (z ZoneFacts) called() string {
	if z.ID == "" {
		return z.Apex.String()
	}
	return z.Apex.String() + " (" + printable(z.ID) + ")"
}

// holds is the evidence that a zone holds a set.
func (f Facts) holds(z ZoneFacts, s RRset) []validate.Evidence {
	text := fmt.Sprintf("%s holds in zone %s: %s", printable(f.Provider), z.called(), s)
	if len(z.NameServers) > 0 {
		text += "; it answers for this zone from " + nameList(z.NameServers)
	}
	return []validate.Evidence{{Text: text}}
}
