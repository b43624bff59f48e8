package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// dnssecBogus and dnssecFragile judge the signatures over what a CA reads.

type dnssecBogus struct{}

func (dnssecBogus) Info() Info {
	return Info{
		ID:    "dnssec-bogus",
		Title: "signatures (DNSSEC) do not validate",
		Text: "The zone above says that this one is signed, and what is served is not, or wrongly: the zone moved and its DS records " +
			"stayed at the registrar, a key was changed and its DS record was not, signatures expired, a secondary serves an old " +
			"copy. A server that does not answer queries with EDNS cannot give signatures either. A resolver that validates answers SERVFAIL, one that does not shows the record, so that it works for some. " +
			"Since 15 March 2026 a CA has to validate, for the record as for CAA. Every server's answer is judged: a CA may ask any.",
		Wrong:    "com.: example.com. DS 12345 13 2 …; example.com. is not signed any more",
		Right:    "com.: no DS record for example.com.; or one that names a key of example.com.",
		Fix:      "Take the DS records out at the registrar, or make them those of the keys in use; or let the zone be signed anew.",
		Severity: Error,
		Explains: []ID{"caa-unanswered", "resolver-differs"},
		Refs:     []Ref{{"CA/Browser Forum Baseline Requirements", "3.2.2.4 and 3.2.2.8.1"}, {"RFC 4035", "5"}, {"RFC 5155", "8"}, {"RFC 6840", "4"}, {"RFC 3225", "3"}, {"RFC 8901", "3"}},
	}
}

func (dnssecBogus) Run(ctx context.Context, p *Pass) error {
	if !p.zoneAnswers() {
		return ErrNotApplicable
	}
	s, err := p.Security(ctx)
	if err != nil {
		return err
	}
	if why := p.doubt(s); why != "" {
		return fmt.Errorf("%w: %s", ErrUndetermined, why)
	}
	for _, f := range p.byRemedy(s, together(s.Faults)) {
		who := "what " + zoneText(f.Zone) + " serves"
		if len(f.servers) > 0 {
			who = "what " + list(f.servers, serverText) + plural(len(f.servers), " answers", " answer")
		}
		if f.Keys.Addr.IsValid() {
			who += ", judged by the keys that " + serverText(f.Keys) + " gives,"
		}
		why := strings.Join(f.why, "; ")
		if f.withoutEDNS() {
			why += "; it came without EDNS, and signatures come with EDNS only"
		}
		p.Report(Finding{
			Confidence: Certain, Message: fmt.Sprintf("%s does not validate: %s. A CA that validates takes this for no answer", who, why),
			Evidence: sawSigned(f.Saw), Fixes: f.fixes,
		})
	}
	if s.Status == dnssec.Indeterminate {
		return fmt.Errorf("%w: not all signatures could be judged", ErrUndetermined)
	}
	return nil
}

// sharedFault is one thing that is bogus, at all the servers that give it alike.
type sharedFault struct {
	SecurityFault
	servers []resolver.Server
	why     []string
	fixes   []Fix
}

func together(faults []SecurityFault) (out []sharedFault) {
	for _, f := range faults {
		if f.Status != dnssec.Bogus || len(f.Why) == 0 {
			continue
		}
		var why []string
		for _, x := range f.Why {
			why = append(why, x.String())
		}
		x := sharedFault{SecurityFault: f, why: why}
		if f.Server.Addr.IsValid() {
			x.servers = []resolver.Server{f.Server}
		}
		i := slices.IndexFunc(out, func(o sharedFault) bool {
			return o.Zone == x.Zone && o.Keys == x.Keys && slices.Equal(o.why, x.why) && len(o.servers) > 0 && len(x.servers) > 0
		})
		if i < 0 {
			out = append(out, x)
			continue
		}
		if !slices.Contains(out[i].servers, f.Server) {
			out[i].servers = append(out[i].servers, f.Server)
		}
		out[i].alsoSaw(f.Saw)
	}
	return out
}

// byRemedy makes one of the faults of the same servers that have the same remedy: an old copy is old in all that it answers.
func (p *Pass) byRemedy(s Security, faults []sharedFault) (out []sharedFault) {
	for _, f := range faults {
		f.fixes = p.securityFixes(s, f.SecurityFault)
		i := slices.IndexFunc(out, func(o sharedFault) bool {
			return o.Zone == f.Zone && o.Keys == f.Keys && len(f.servers) > 0 && slices.Equal(o.servers, f.servers) && o.fixes[0].Message == f.fixes[0].Message
		})
		if i < 0 {
			out = append(out, f)
			continue
		}
		for _, w := range f.why {
			if !slices.Contains(out[i].why, w) {
				out[i].why = append(out[i].why, w)
			}
		}
		out[i].alsoSaw(f.Saw)
	}
	return out
}

// alsoSaw adds answers, each once.
func (f *sharedFault) alsoSaw(more []resolver.Answer) {
	for _, a := range more {
		if !slices.ContainsFunc(f.Saw, func(b resolver.Answer) bool { return b.Question == a.Question }) {
			f.Saw = append(f.Saw, a)
		}
	}
}

// sawSigned makes evidence of answers whose signatures matter.
func sawSigned(answers []resolver.Answer) (out []Evidence) {
	for _, a := range answers {
		e := Saw(a)
		if e.Question != nil {
			e.Question.DNSSEC = true
		}
		for _, rr := range a.Response.Authority {
			if rr.Type == resolver.TypeDS {
				e.Text += fmt.Sprintf(", %s DS %s", rr.Name, abridged(rr.Text()))
			}
		}
		out = append(out, e)
	}
	return out
}

// securityFixes says who can mend a fault. None of it is a change of the record's zone that a plan carries out.
func (p *Pass) securityFixes(s Security, f SecurityFault) []Fix {
	zone, code := f.Zone, f.Why[0].Code
	if !zone.Within(p.registered()) {
		return []Fix{{Where: WhereOther, Message: fmt.Sprintf("whoever keeps %s has to mend it; nothing in your own zone helps", zoneText(zone))}}
	}
	if f.withoutEDNS() {
		servers := "the name servers of " + zone.String()
		if f.Server.Addr.IsValid() {
			servers = serverText(f.Server)
		}
		return []Fix{{Where: WhereServers, Message: fmt.Sprintf("let %s answer queries with EDNS (RFC 6891), over UDP and TCP, and nothing in front of them drop these: "+
			"the zone may be signed well, which cannot be seen so. DS records and keys stay as they are", servers)}}
	}
	if f.Keys.Addr.IsValid() {
		return []Fix{{Where: WhereServers, Message: fmt.Sprintf("let every server of %s give the same DNSKEY records: %s lacks keys that the answers of %s are signed by. A copy "+
			"that lags behind has to be brought up to date; providers that sign each for itself have to publish each other's keys", zone, serverText(f.Keys), serverText(f.Server))}}
	}
	switch code {
	case dnssec.DSUnmatched, dnssec.KeysMissing, dnssec.KeysUnsigned, dnssec.SignatureAlgorithm:
		where, at := WhereRegistrar, "at the registrar of "+zone.String()
		if zone != p.registered() {
			where, at = WhereParent, "in the zone above "+zone.String()
		}
		wait := ""
		if ttl, ok := dsTTL(f); ok {
			wait = fmt.Sprintf(" (resolvers remember the old ones for up to %s)", span(ttl))
		}
		off := Fix{Where: where, Message: fmt.Sprintf("%s, delete the DS records of %s: the zone then counts as unsigned%s. Turn signing off at the name servers only after that", at, zone, wait)}
		if len(f.Why[0].Keys) == 0 {
			return []Fix{off, {Where: WhereServers, Message: fmt.Sprintf("let the name servers of %s sign it again with the keys that the DS records name", zone)}}
		}
		return []Fix{
			{Where: where, Message: fmt.Sprintf("%s, put the DS records of the keys in use in place of the old ones: whoever hosts %s shows them, often as \"DNSSEC\" or \"DS\"", at, zone)},
			off,
		}
	}
	if f.Server.Addr.IsValid() && p.othersHold(s, f) {
		return []Fix{{Where: WhereServers, Message: fmt.Sprintf("see why the copy of %s at %s differs from that of the other servers (zone transfer, keys), and bring it up to date; or take it out of the delegation",
			zone, serverText(f.Server))}}
	}
	return []Fix{
		{Where: WhereServers, Message: fmt.Sprintf("let whoever hosts %s sign it anew, and see that signatures are renewed by themselves", zone)},
		{Where: WhereRegistrar, Message: fmt.Sprintf("if that cannot be done, delete the DS records of %s at the registrar: it then counts as unsigned", zone)},
	}
}

// withoutEDNS reports whether something is not signed in answers that all came without EDNS, in which no signature can come
// (RFC 3225, 3): the server does not know EDNS, or something in front of it drops it.
func (f SecurityFault) withoutEDNS() bool {
	if !slices.Contains([]dnssec.Code{dnssec.SignatureMissing, dnssec.DenialMissing, dnssec.KeysUnsigned}, f.Why[0].Code) {
		return false
	}
	came := slices.DeleteFunc(slices.Clone(f.Saw), func(a resolver.Answer) bool { // without the parent's
		return a.Err != nil || !f.Server.Addr.IsValid() && a.Question.Type != resolver.TypeDNSKEY
	})
	return len(came) > 0 && !slices.ContainsFunc(came, func(a resolver.Answer) bool { return a.Response.EDNS })
}

// othersHold reports whether another server's answer for the name is not at fault.
func (p *Pass) othersHold(s Security, f SecurityFault) bool {
	return slices.ContainsFunc(p.answered(), func(v ServerView) bool {
		return v.Above.IsZero() && v.Server != f.Server && !slices.ContainsFunc(s.Faults, func(o SecurityFault) bool { return o.Server == v.Server })
	})
}

func dsTTL(f SecurityFault) (time.Duration, bool) {
	for _, a := range f.Saw {
		for _, rr := range slices.Concat(a.Response.Authority, a.Response.Answer) {
			if rr.Type == resolver.TypeDS && rr.Name == f.Zone {
				return time.Duration(rr.TTL) * time.Second, true
			}
		}
	}
	return 0, false
}

// span says a duration in hours where it has any, else in minutes or seconds.
func span(d time.Duration) string {
	n, unit := int(d/time.Second), "second"
	switch {
	case d >= 2*time.Hour:
		n, unit = int(d/time.Hour), "hour"
	case d >= 2*time.Minute:
		n, unit = int(d/time.Minute), "minute"
	}
	return fmt.Sprintf("%d %s", n, plural(n, unit, unit+"s"))
}

type dnssecFragile struct{}

// fragileShare is the part of its lifetime below which a signature should have been renewed: signers do so with a quarter
// of it or more left (BIND, Knot and PowerDNS by default; those that sign while they answer always with half).
const fragileShare = 10

func (dnssecFragile) Info() Info {
	return Info{
		ID:    "dnssec-fragile",
		Title: "signatures validate today, and may not for every CA or tomorrow",
		Text: "The zone uses what some resolvers take for unsigned or refuse (NSEC3 with extra iterations, algorithms and digests " +
			"that are given up), or a signature is near its end and was not renewed in time. Another resolver, or this one in a " +
			"few hours, may see no answer at all.",
		Wrong:    "example.com. NSEC3PARAM 1 0 100 AABB",
		Right:    "example.com. NSEC3PARAM 1 0 0 -",
		Fix:      "Let the host of the zone sign it with algorithm 13, digest 2, and NSEC3 without extra iterations; see that signatures are renewed.",
		Severity: Warning,
		Refs:     []Ref{{"RFC 9276", "3.1 and 3.2"}, {"RFC 8624", "3"}, {"RFC 6781", "4.4.2"}},
	}
}

func (dnssecFragile) Run(ctx context.Context, p *Pass) error {
	if !p.zoneAnswers() {
		return ErrNotApplicable
	}
	s, err := p.Security(ctx)
	if err != nil || s.Status == dnssec.Bogus {
		return err // said by dnssec-bogus
	}
	for _, n := range s.Notes {
		p.Report(Finding{
			Confidence: Possible, Message: n.String(),
			Fixes: []Fix{{Where: WhereServers, Message: fmt.Sprintf("let whoever hosts %s change how it is signed: algorithm 13, digest 2, NSEC3 without extra iterations and salt", n.Zone)}},
		})
	}
	if left := s.Expires.Sub(p.Now); !s.Expires.IsZero() && fragile(s.Began, s.Expires, p.Now) {
		p.Report(Finding{
			Confidence: Likely,
			Message: fmt.Sprintf("the signature over what stands at %s ends on %s, in %s, and has not been renewed: then nobody who validates finds the record",
				p.Record.Name, s.Expires.UTC().Format("2006-01-02 15:04 MST"), span(left)),
			Fixes: []Fix{{Where: WhereServers, Message: fmt.Sprintf("see that whoever hosts %s renews its signatures in time", p.facts.zone)}},
		})
	}
	return nil
}

// fragile reports whether a signature should have been renewed.
func fragile(began, ends, now time.Time) bool { return ends.Sub(now) < ends.Sub(began)/fragileShare }
