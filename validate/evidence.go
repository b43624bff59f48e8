package validate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Saw makes evidence of an answer: who was asked what, and what came back. Text from the DNS stands in presentation
// format, so that nothing in it can steer a terminal.
func Saw(a resolver.Answer) Evidence {
	q := a.Question
	q.DNSSEC = false // it brings signatures along, and changes nothing of what is said here
	e := Evidence{Server: a.Server.Name}
	who := serverText(a.Server)
	if q.Server.IsValid() || !q.Recursor.IsZero() {
		e.Question = &q
	}
	if !q.Recursor.IsZero() {
		who = "the resolver " + q.Recursor.String()
	}
	if q.Name.IsZero() { // a name server that could not even be asked
		e.Text = fmt.Sprintf("%s could not be asked: %s", serverText(a.Server), reasonText(a.Err))
		return e
	}
	asked := fmt.Sprintf("asked for %s %s", q.Name, q.Type)
	if q.TCP {
		asked += " over TCP"
	}
	if q.CheckingDisabled {
		asked += " without validation (cd)"
	}
	if errors.Is(a.Err, resolver.ErrPrivateAddress) || errors.Is(a.Err, resolver.ErrUnroutable) {
		asked = "not " + asked
	}
	if a.Err != nil {
		e.Text = fmt.Sprintf("%s, %s: %s", who, asked, reasonText(a.Err))
		return e
	}
	e.Text = fmt.Sprintf("%s, %s, says %s", who, asked, saidText(a.Response))
	return e
}

func serverText(s resolver.Server) string {
	switch {
	case s.Name.IsZero():
		return s.Addr.Addr().String()
	case !s.Addr.IsValid():
		return s.Name.String()
	}
	return fmt.Sprintf("%s (%s)", s.Name, s.Addr.Addr())
}

// saidText tells a response in a line: the code and what stands behind it.
func saidText(r resolver.Response) string {
	q := r.Question
	text := r.RCode.String()
	var data []string
	for _, rr := range r.Answer {
		if rr.Name == q.Name && (rr.Type == q.Type || rr.Type == resolver.TypeCNAME) {
			data = append(data, rr.Type.String()+" "+abridged(rr.Text()))
		}
	}
	slices.Sort(data)
	soa, denied := r.SOA()
	switch {
	case len(r.Answer) > 0 && !slices.ContainsFunc(r.Answer, func(rr resolver.RR) bool { return rr.Name == q.Name }):
		text += ": records of other names only"
	case len(data) > 0:
		text += ": " + strings.Join(firstOf(data), ", ")
		if !r.Authoritative && q.Recursor.IsZero() {
			text += ", without authority (no aa)"
		}
	case r.RCode == resolver.NXDomain && denied:
		text += ": no such name in " + zoneText(soa.Name)
	case r.RCode == resolver.NoError && denied:
		text += ": nothing of this type there, in " + zoneText(soa.Name)
	case r.RCode == resolver.NoError && r.Authoritative:
		text += ": nothing of this type there"
	case r.RCode == resolver.NoError && !q.Recursor.IsZero():
		text += ": nothing of this type there"
	case r.RCode == resolver.NoError:
		var ns []string
		for _, rr := range r.Authority {
			if t, ok := rr.Target(); ok && rr.Type == resolver.TypeNS {
				ns = append(ns, fmt.Sprintf("%s NS %s", rr.Name, t))
			}
		}
		slices.Sort(ns)
		text += ": no answer and no authority"
		if len(ns) > 0 {
			text = r.RCode.String() + ": a referral, " + strings.Join(firstOf(slices.Compact(ns)), ", ")
		}
	}
	return text + addedText(r)
}

// addedMarker begins what a server adds to its answer.
const addedMarker = "; it adds: "

// maxAdded is how many extended errors of one answer are told: honest servers send one or two.
const maxAdded = 4

// addedText tells the extended errors of a response (RFC 8914) in words, in their order.
func addedText(r resolver.Response) string {
	text := ""
	for i, x := range r.ExtendedErrors {
		if i == maxAdded {
			return text + fmt.Sprintf("%s%d more", addedMarker, len(r.ExtendedErrors)-maxAdded)
		}
		text += addedMarker + x.Meaning()
		if x.Text != "" {
			text += " " + abridged(fmt.Sprintf("%+q", x.Text))
		}
	}
	return text
}

// maxShown is how many characters of data are shown in a sentence: more than any name has.
const maxShown = 1100

// abridged cuts what is too long to be read; a change of RRsets holds the whole.
func abridged(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return fmt.Sprintf("%s [%d characters in all]", s[:maxShown/2], len(s))
}

// maxListed is how many things are named one by one in a sentence; a change of RRsets holds them all.
const maxListed = 20

// firstOf leaves out what is too much to be read, and says how much that is.
func firstOf(items []string) []string {
	if len(items) <= maxListed {
		return items
	}
	return append(slices.Clone(items[:maxListed]), fmt.Sprintf("%d more", len(items)-maxListed))
}

// reasonText says why no answer came, without what the transport calls it.
func reasonText(err error) string {
	for _, x := range []error{
		resolver.ErrTimeout, resolver.ErrRefusedConnection, resolver.ErrUnroutable, resolver.ErrPrivateAddress, resolver.ErrTruncated,
		resolver.ErrMalformed, resolver.ErrNotRecorded, resolver.ErrBudget, resolver.ErrNoAddress, resolver.ErrNoGlue, resolver.ErrCircular, resolver.ErrTooMany,
		resolver.ErrNoUsableAnswer, resolver.ErrCertificate,
	} {
		if !errors.Is(err, x) {
			continue
		}
		if _, why, ok := strings.Cut(err.Error(), x.Error()+": "); ok && x == resolver.ErrCertificate {
			return x.Error() + ": " + why // the words are our own, and the same in every run
		}
		return x.Error()
	}
	return "no answer before the time was up"
}

// sawAll makes the evidence of several views.
func answersOf(views []ServerView) []resolver.Answer {
	out := make([]resolver.Answer, len(views))
	for i, v := range views {
		out[i] = v.Answer
	}
	return out
}
