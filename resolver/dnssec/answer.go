package dnssec

import (
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Answer judges a response of a server that was asked as one of the zone's: data, aliases, data made from a wildcard, a denial
// of name or type, or a referral. All that the question's own name rests on is judged; of aliases every link within the zone
// and what the response says of their end, as far as it is this zone's ([Result].Left). Of a zone that is not Secure the
// result has the zone's status and reasons, and the response is not looked at further.
//
// A server may hold a zone and one below it, and answer from the lower one without a word of the cut. Where the response
// shows that, the problem is [ZoneBelow] and the status Indeterminate. A lower zone that is not signed shows nothing: before
// [SignatureMissing] or [DenialMissing] is held against a zone, ask for the DS records at the names between zone and
// question, and give them to [Validator.Child].
func (v Validator) Answer(zone Zone, r resolver.Response) Result {
	j := judgement{v: v, zone: zone, r: r, Result: Result{Meaning: r.Means(zone.Name), Expires: zone.Expires}}
	j.judge()
	if j.Status != Secure && len(j.Why) == 0 { // a zone that is the zero value
		j.fail(Problem{Code: AnchorMissing, Zone: zone.Name})
	}
	j.Work = j.spend.Work
	return j.Result
}

// judgement is one call of Answer.
type judgement struct {
	Result
	v      Validator
	zone   Zone
	r      resolver.Response
	spend  spend
	proofs *denials
	links  int             // aliases followed
	seen   []resolver.Name // the names judged, against loops of aliases
}

func (j *judgement) fail(why ...Problem) {
	j.Status, j.Why = why[0].Code.status(), why
}

func (j *judgement) judge() {
	q := j.r.Question
	p := Problem{Zone: j.zone.Name, Name: q.Name, Type: q.Type}
	switch {
	case j.zone.Status != Secure:
		j.Status, j.Why = j.zone.Status, j.zone.Why
		if j.Status == "" {
			j.Status = Indeterminate
		}
		return
	case !q.DNSSEC:
		p.Code = NotAsked
		j.fail(p)
		return
	case (j.Meaning == resolver.Lame || j.Meaning == resolver.Fails) && !j.r.RecursionAvailable, // a recursive resolver's has no AA either
		j.r.RCode != resolver.NoError && j.r.RCode != resolver.NXDomain, q.Type == resolver.TypeRRSIG:
		p.Code = NoAnswer
		j.fail(p)
		return
	case !q.Name.Within(j.zone.Name) || q.Type == resolver.TypeDS && q.Name == j.zone.Name: // a zone's DS records are its parent's
		p.Code = OutOfZone
		j.fail(p)
		return
	case j.Meaning == resolver.Refers && len(j.r.Answer) == 0:
		d := j.v.delegation(j.zone, j.cut(q.Name), j.r, &j.spend)
		d.Expires = earlier(j.Expires, d.Expires)
		j.Result = d.Result
		return
	}
	j.Status = Secure
	for name := q.Name; !name.IsZero(); {
		name = j.at(name, q.Type)
	}
}

// cut gives the zone that a referral is to.
func (j *judgement) cut(name resolver.Name) (cut resolver.Name) {
	for _, rr := range j.r.Authority {
		if rr.Type == resolver.TypeNS && rr.Name.Below(j.zone.Name) && name.Within(rr.Name) && (cut.IsZero() || rr.Name.Below(cut)) {
			cut = rr.Name
		}
	}
	return cut
}

// at judges what the response says of one name, and gives the next one that an alias leads to; none where the end is reached.
func (j *judgement) at(name resolver.Name, t resolver.Type) (next resolver.Name) {
	j.seen = append(j.seen, name)
	if to, found := j.dname(name, t); found {
		return to
	}
	if sets := j.sets(name, t); len(sets) > 0 {
		for _, rrs := range sets {
			if !j.set(rrs) {
				return next
			}
		}
		if j.links == 0 {
			j.Meaning = resolver.Answers
		}
		return next
	}
	cname := j.r.RRs(name, resolver.TypeCNAME)
	if len(cname) == 0 {
		j.denial(name, t)
		return next
	}
	if !j.set(cname) {
		return next
	}
	if to, ok := cname[0].Target(); ok && len(cname) == 1 { // nobody can say which of several to follow
		next = j.follow(to)
	} else {
		j.Meaning = resolver.Answers
	}
	return next
}

// sets gives the RRsets at a name that answer a question for a type, and a CNAME that stands beside them.
func (j *judgement) sets(name resolver.Name, t resolver.Type) (out [][]resolver.RR) {
	if t != resolver.TypeANY {
		if rrs := j.r.RRs(name, t); len(rrs) > 0 {
			out = append(out, rrs)
			if cname := j.r.RRs(name, resolver.TypeCNAME); t != resolver.TypeCNAME && len(cname) > 0 {
				out = append(out, cname)
			}
		}
		return out
	}
	var types []resolver.Type
	for _, rr := range j.r.Answer {
		if rr.Name == name && rr.Type != resolver.TypeRRSIG && !slices.Contains(types, rr.Type) {
			types = append(types, rr.Type)
			out = append(out, j.r.RRs(name, rr.Type))
		}
	}
	return out
}

// set judges one RRset of the answer; false where the judgement ends with it.
func (j *judgement) set(rrs []resolver.RR) bool {
	sig, problem := j.v.set(j.zone.Name, j.zone.keys, j.r.Answer, rrs, &j.spend)
	if problem != nil {
		return j.missed(*problem)
	}
	j.verified(sig)
	if !sig.expanded() {
		return true
	}
	if j.links == 0 {
		j.Wildcard = sig.signed()
	}
	code := j.denials().noCloser(sig.Name, int(sig.Labels), &j.spend)
	if code != "" {
		j.undenied(Problem{Code: code, Zone: j.zone.Name, Name: sig.Name, Iterations: j.proofs.iterations})
	}
	return code == ""
}

// missed takes a problem with one RRset. What is only met at the end of an alias may be another zone's: that is left.
func (j *judgement) missed(p Problem) bool {
	if below := j.cut(p.Name); p.Code == SignatureMissing && !below.IsZero() {
		p.Code, p.Below = ZoneBelow, below
	}
	if j.links > 0 && (p.Code == SignatureMissing || p.Code == ZoneBelow) {
		j.Left = p.Name
		return false
	}
	j.fail(p)
	return false
}

func (j *judgement) follow(to resolver.Name) resolver.Name {
	j.Meaning = resolver.Answers
	if j.links++; j.links > maxAliases || !to.Within(j.zone.Name) || slices.Contains(j.seen, to) {
		j.Left = to
		return resolver.Name{}
	}
	return to
}

// dname applies the DNAME above a name, if the answer has one (RFC 6672, 5.3): it is signed, the CNAME made of it is not.
func (j *judgement) dname(name resolver.Name, t resolver.Type) (next resolver.Name, found bool) {
	at := slices.IndexFunc(j.r.Answer, func(rr resolver.RR) bool {
		return rr.Type == resolver.TypeDNAME && name.Below(rr.Name) && rr.Name.Within(j.zone.Name)
	})
	if at < 0 {
		return next, false
	}
	rrs := j.r.RRs(j.r.Answer[at].Name, resolver.TypeDNAME)
	if !j.set(rrs) {
		return next, true
	}
	base, _ := rrs[0].Target()
	prefix, _ := name.TrimSuffix(rrs[0].Name)
	to, ok := prefix.Under(base)
	cname := j.r.RRs(name, resolver.TypeCNAME)
	if made := len(cname) > 0; len(rrs) > 1 || made && (!ok || len(cname) > 1 || !pointsTo(cname[0], to)) {
		j.fail(Problem{Code: AliasWrong, Zone: j.zone.Name, Name: name, Type: resolver.TypeCNAME})
		return next, true
	}
	j.Meaning = resolver.Answers
	if !ok || t == resolver.TypeCNAME || t == resolver.TypeANY {
		return next, true
	}
	return j.follow(to), true
}

func pointsTo(rr resolver.RR, to resolver.Name) bool {
	n, ok := rr.Target()
	return ok && n == to
}

// denials gives the response's proofs, verified once.
func (j *judgement) denials() *denials {
	if j.proofs == nil {
		d := j.v.denials(j.zone, j.r.Authority, &j.spend, &j.Result)
		j.proofs = &d
	}
	return j.proofs
}

// denial judges what the response denies of a name: itself, or the type.
func (j *judgement) denial(name resolver.Name, t resolver.Type) {
	p := Problem{Zone: j.zone.Name, Name: name, Type: t}
	soa, ok := j.r.SOA()
	switch {
	case j.links > 0 && (!ok || soa.Name != j.zone.Name):
		j.Left = name
		return
	case ok && soa.Name.Below(j.zone.Name) && name.Within(soa.Name):
		p.Code, p.Below = ZoneBelow, soa.Name
		j.fail(p)
		return
	}
	var wildcard resolver.Name
	absent := j.r.RCode == resolver.NXDomain
	if absent {
		p.Type = 0
		p.Code = j.denials().noName(name, &j.spend)
	} else {
		wildcard, absent, p.Code = j.denials().noData(name, t, &j.spend)
	}
	if j.links == 0 {
		j.Wildcard = wildcard
		j.Meaning = resolver.NoData
		if absent {
			j.Meaning = resolver.NoSuchName
		}
	}
	if p.Code != "" {
		p.Iterations = j.proofs.iterations
		j.undenied(p)
		return
	}
	if ok && soa.Name == j.zone.Name {
		sig, problem := j.v.set(j.zone.Name, j.zone.keys, j.r.Authority, resolver.Response{Answer: j.r.Authority}.RRs(soa.Name, soa.Type), &j.spend)
		if problem != nil {
			j.fail(*problem)
			return
		}
		j.verified(sig)
	}
}

// undenied ends the judgement with a denial that does not hold. Where a record of it could not be verified, that is why.
func (j *judgement) undenied(p Problem) {
	if p.Code.status() == Bogus && j.proofs.failed != nil {
		j.fail(*j.proofs.failed, p)
		return
	}
	j.fail(p)
}
