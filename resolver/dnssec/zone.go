package dnssec

import (
	"slices"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Zone is a zone with what is known of its chain of trust, made by [Validator.Root] and [Validator.Child]. It is a value that
// nothing changes any more: keep it and share it, for as long as Expires and the TTLs of the responses allow. The zero value
// is no zone; what is judged by it is Indeterminate.
type Zone struct {
	Name   resolver.Name
	Status Status
	Why    []Problem // why it is not Secure, the cause first; it may be the parent's
	Notes  []Problem // what makes it fragile
	DS     []DS      // that the parent (or the anchors) hold for it
	Keys   []Key     // that it publishes, trusted or not
	// Verified are the signatures of this step of the chain: over the DS records or their denial, and over the keys.
	Verified []Signature
	// Expires is when the first signature of the chain from the anchor ends; zero where nothing is signed.
	Expires time.Time
	Work    Work // for this step alone

	keys []zoneKey
}

// Root judges the root zone by the anchors for it and the response to a question for its DNSKEY records. The zero Response
// stands for one that could not be had.
func (v Validator) Root(dnskey resolver.Response) Zone {
	return v.anchored(Zone{Name: resolver.Root}, dnskey)
}

// Child judges a zone by its parent, which is the closest zone above. The response ds is a referral to the zone or the answer
// to a question for its DS records, from the parent's servers; dnskey answers a question for its DNSKEY records, from its
// own. The zero Response stands for one that could not be had, and so does one to a question without DO; where the parent proves that there are no DS records, dnskey
// is not looked at. A zone with anchors of its own is judged by them (an island of security), whatever the parent says.
//
// To find out whether a zone begins at a name at all, ask the parent's servers for its DS records: [CutUnknown] then means
// that it proves that none does.
func (v Validator) Child(parent Zone, name resolver.Name, ds, dnskey resolver.Response) Zone {
	z := Zone{Name: name}
	if _, ok := v.Anchors.at(name); ok {
		return v.anchored(z, dnskey)
	}
	if !name.Below(parent.Name) {
		return z.end(Problem{Code: OutOfZone, Zone: parent.Name, Name: name, Type: resolver.TypeDS})
	}
	if parent.Status != Secure {
		z.Status, z.Why, z.Expires = parent.Status, parent.Why, parent.Expires
		return z
	}
	z.Expires = parent.Expires
	var s spend
	d := v.delegation(parent, name, ds, &s)
	z.DS, z.Verified, z.Notes = d.ds, d.Verified, d.Notes
	z.Expires = earlier(z.Expires, d.Expires)
	z.Work = s.Work
	if d.Status != Secure {
		z.Status, z.Why = d.Status, d.Why
		return z
	}
	return v.trust(z, nil, dnskey, &s)
}

// end closes the chain with a problem.
func (z Zone) end(p ...Problem) Zone {
	z.Status, z.Why = p[0].Code.status(), p
	return z
}

func (v Validator) anchored(z Zone, dnskey resolver.Response) Zone {
	a, ok := v.Anchors.at(z.Name)
	if !ok {
		return z.end(Problem{Code: AnchorMissing, Zone: z.Name})
	}
	z.DS = a.ds
	if len(a.keys) > 0 {
		z.DS = a.names()
	}
	return v.trust(z, a.keys, dnskey, &spend{})
}

// trust goes from the DS records in z, or the anchors, to the zone's keys (RFC 4035, 5.2).
func (v Validator) trust(z Zone, anchors []zoneKey, dnskey resolver.Response, s *spend) Zone {
	about := Problem{Zone: z.Name, Name: z.Name, Type: resolver.TypeDNSKEY, DS: z.DS}
	end := func(c Code) Zone {
		about.Code, z.Work = c, s.Work
		return z.end(about)
	}
	named := slices.DeleteFunc(slices.Clone(z.DS), func(d DS) bool { return !v.supports(d.Algorithm) })
	if len(named) == 0 {
		return end(AlgorithmUnsupported)
	}
	if len(anchors) == 0 {
		named = slices.DeleteFunc(named, func(d DS) bool { return d.Digest.hash() == 0 })
		if len(named) == 0 {
			return end(DigestUnsupported)
		}
	}
	// RFC 4509, 3: SHA-1 digests count only where there are no better ones.
	if better := slices.DeleteFunc(slices.Clone(named), func(d DS) bool { return d.Digest == SHA1 }); len(better) > 0 {
		named = better
	} else {
		z.Notes = append(slices.Clip(z.Notes), Problem{Code: DigestSHA1, Zone: z.Name, DS: z.DS})
	}
	rrs := dnskey.RRs(z.Name, resolver.TypeDNSKEY)
	switch q := dnskey.Question; {
	case !q.DNSSEC:
		return end(KeysUnknown)
	case len(rrs) > 0:
	case q.Name == z.Name && q.Type == resolver.TypeDNSKEY && negative(dnskey, z.Name):
		return end(KeysMissing)
	default:
		return end(KeysUnknown)
	}
	all := parseKeys(rrs)
	z.Keys = public(all)
	about.Keys = z.Keys
	var entry []zoneKey
	for _, k := range all {
		if slices.ContainsFunc(anchors, func(a zoneKey) bool { return a.rdata == k.rdata }) ||
			slices.ContainsFunc(named, func(d DS) bool { return d.names(z.Name, k) }) {
			entry = append(entry, k)
		}
	}
	if len(entry) == 0 {
		return end(DSUnmatched)
	}
	sig, problem := v.set(z.Name, entry, dnskey.Answer, rrs, s)
	if problem != nil {
		if problem.Code == SignatureKey {
			problem.Code, problem.Keys = KeysUnsigned, nil
			for _, x := range v.signatures(dnskey.Answer, z.Name, resolver.TypeDNSKEY) {
				problem.Keys = append(problem.Keys, x.Key())
			}
		}
		problem.DS, z.Work = z.DS, s.Work
		return z.end(*problem)
	}
	z.Status, z.keys, z.Work = Secure, all, s.Work
	z.Verified = append(slices.Clip(z.Verified), sig)
	z.Expires = earlier(z.Expires, sig.Expiration)
	return z
}

// negative reports whether the response can be a server's own word that there is no such data in the zone, and not a
// failure or a hint where else to ask.
func negative(r resolver.Response, zone resolver.Name) bool {
	if r.RCode != resolver.NoError && r.RCode != resolver.NXDomain || len(r.Answer) > 0 {
		return false
	}
	if soa, ok := r.SOA(); ok {
		return soa.Name == zone
	}
	return r.Authoritative && r.Means(zone) != resolver.Refers
}

// delegated is what a parent says of a zone below.
type delegated struct {
	Result
	ds []DS
}

// delegation judges a referral or the answer to a question for DS records. Its status is Secure where there are DS records.
func (v Validator) delegation(parent Zone, name resolver.Name, r resolver.Response, s *spend) (d delegated) {
	d.Meaning = resolver.Refers
	problem := Problem{Zone: parent.Name, Name: name, Type: resolver.TypeDS}
	end := func(c Code) delegated {
		problem.Code = c
		d.Status, d.Why = c.status(), append(d.Why, problem)
		return d
	}
	if !r.Question.DNSSEC {
		return end(DSUnknown)
	}
	section, rrs := r.Answer, r.RRs(name, resolver.TypeDS)
	if len(rrs) == 0 {
		r2 := resolver.Response{Answer: r.Authority}
		section, rrs = r.Authority, r2.RRs(name, resolver.TypeDS)
	}
	if len(rrs) > 0 {
		sig, p := v.set(parent.Name, parent.keys, section, rrs, s)
		if p != nil {
			problem = *p
			return end(p.Code)
		}
		d.verified(sig)
		d.Status = Secure
		for _, rr := range rrs[:min(len(rrs), maxKeys)] {
			if x, ok := parseDS(rr.RDATA); ok {
				d.ds = append(d.ds, x)
			}
		}
		return d
	}
	refers := slices.ContainsFunc(r.Authority, func(rr resolver.RR) bool { return rr.Type == resolver.TypeNS && rr.Name == name })
	asked := r.Question.Type == resolver.TypeDS && r.Question.Name == name && negative(r, parent.Name)
	if r.RCode != resolver.NoError && r.RCode != resolver.NXDomain || !refers && !asked {
		return end(DSUnknown)
	}
	proofs := v.denials(parent, r.Authority, s, &d.Result)
	code := proofs.noDS(name, s)
	switch {
	case code == CutUnknown && refers:
		code = NotDelegated
	case code.status() == Bogus && proofs.failed != nil:
		d.Status, d.Why = proofs.failed.Code.status(), []Problem{*proofs.failed}
		return d
	}
	problem.Iterations = proofs.iterations
	return end(code)
}
