package resolvertest

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Action is what goes wrong with an answer.
type Action string

// The actions. Those that take an argument say so.
const (
	Drop          Action = "drop"           // no answer
	Delay         Action = "delay"          // DURATION: the answer comes later
	AnswerServ    Action = "servfail"       // SERVFAIL
	AnswerRefused Action = "refused"        // REFUSED, as a server that has never heard of the zone
	AnswerNotAuth Action = "notauth"        // NOTAUTH
	AnswerRCode   Action = "rcode"          // NAME: that response code, with nothing in it
	FormErrEDNS   Action = "formerr-edns"   // FORMERR where the query has OPT, as before RFC 6891
	DropEDNS      Action = "drop-edns"      // silence where the query has OPT, as some firewalls do
	NoAA          Action = "no-aa"          // the right answer without AA
	Upward        Action = "upward"         // a referral to the root
	Loop          Action = "loop"           // a referral to the zone that was asked
	HugeReferral  Action = "huge-referral"  // N: a referral to N name servers without glue
	Truncate      Action = "truncate"       // TC over UDP; TCP works
	TruncateAll   Action = "truncate-all"   // TC over UDP; TCP is closed without an answer
	Mangle        Action = "mangle"         // octets changed so that the answer is no DNS message
	CutOff        Action = "cut-off"        // the message ends after its question, while its header counts answers
	WrongID       Action = "wrong-id"       // the right answer under another ID
	WrongQuestion Action = "wrong-question" // the right answer to another question
	Lie           Action = "lie"            // OWNER TYPE RDATA: this record, with authority
	CNAMEFirst    Action = "cname-first"    // a CNAME goes before the other data at its name
	DeepestCut    Action = "deepest-cut"    // of cuts below each other the deepest is referred to, not the first
	Closed        Action = "closed"         // nothing listens: ICMP port unreachable, TCP reset
)

// Fault is one thing that a server does wrong, or that happens on the way. The zero value of a field that narrows it down
// stands for anything.
type Fault struct {
	Server resolver.Name // by its name: all its addresses; or
	Addr   netip.Addr    // by one address
	Action Action

	Delay time.Duration  // for Delay
	RCode resolver.RCode // for AnswerRCode
	Count int            // for HugeReferral
	RR    resolver.RR    // for Lie

	Type  resolver.Type      // only questions for this type
	Name  resolver.Name      // only questions for this name; a lie without it is told when asked for its own owner
	Over  resolver.Transport // only over this transport
	Times int                // only that many packets, then never again; 0: for ever
}

// maxReferral bounds what one message can hold.
const maxReferral = 1000

// ParseFault reads a fault in one line:
//
//	SERVER ACTION [ARGUMENTS] [for TYPE] [name NAME] [over udp|tcp|tls|https] [times N]
//
// SERVER is a name server's name or address, ACTION the text of an [Action]. Errors wrap [ErrText].
func ParseFault(line string) (Fault, error) {
	f, err := parseFault(line)
	if err != nil {
		return Fault{}, fmt.Errorf("resolvertest: fault %q: %w: %w", line, ErrText, err)
	}
	return f, nil
}

// MustParseFault is [ParseFault] for lines written in a program. It panics on a bad one.
func MustParseFault(line string) Fault {
	f, err := ParseFault(line)
	if err != nil {
		panic(err)
	}
	return f
}

func parseFault(line string) (f Fault, err error) {
	w := strings.Fields(line)
	if len(w) < 2 {
		return f, fmt.Errorf("expected SERVER ACTION")
	}
	if a, err := netip.ParseAddr(w[0]); err == nil {
		f.Addr = a.Unmap()
	} else if f.Server, err = resolver.ParseName(w[0]); err != nil {
		return f, err
	}
	f.Action = Action(w[1])
	w = w[2:]
	for len(w) >= 2 {
		v := w[len(w)-1]
		switch w[len(w)-2] {
		case "for":
			f.Type, err = resolver.ParseType(v)
		case "name":
			f.Name, err = resolver.ParseName(v)
		case "over":
			f.Over = resolver.Transport(v)
			if !slices.Contains([]resolver.Transport{resolver.UDP, resolver.TCP, resolver.TLS, resolver.HTTPS}, f.Over) {
				err = fmt.Errorf("found %q, expected udp, tcp, tls or https", v)
			}
		case "times":
			if f.Times, err = strconv.Atoi(v); err == nil && f.Times < 1 {
				err = fmt.Errorf("times must be at least 1")
			}
		default:
			return f.arguments(w)
		}
		if err != nil {
			return f, err
		}
		w = w[:len(w)-2]
	}
	return f.arguments(w)
}

func (f Fault) arguments(w []string) (Fault, error) {
	want := func(n int, what string) error {
		if len(w) < n || len(w) > n && f.Action != Lie {
			return fmt.Errorf("%s takes %s", f.Action, what)
		}
		return nil
	}
	var err error
	switch f.Action {
	case Delay:
		if err = want(1, "a duration, as in 50ms"); err == nil {
			if f.Delay, err = time.ParseDuration(w[0]); err == nil && f.Delay < 0 {
				err = fmt.Errorf("the delay is negative")
			}
		}
	case AnswerRCode:
		if err = want(1, "the name of a response code"); err == nil {
			n, ok := dns.StringToRcode[strings.ToUpper(w[0])]
			if !ok || n > 15 { // larger ones need EDNS and would not be what was asked for
				return f, fmt.Errorf("%q is not a response code", w[0])
			}
			f.RCode = resolver.RCode(n)
		}
	case HugeReferral:
		if err = want(1, "a number of name servers"); err == nil {
			if f.Count, err = strconv.Atoi(w[0]); err == nil && (f.Count < 1 || f.Count > maxReferral) {
				err = fmt.Errorf("the number of name servers must be from 1 to %d", maxReferral)
			}
		}
	case Lie:
		if err = want(3, "OWNER TYPE RDATA"); err == nil {
			if _, err = resolver.ParseName(w[0]); err == nil {
				if _, err = resolver.ParseType(w[1]); err == nil {
					f.RR, err = resolver.ParseRR(w[0] + " IN " + strings.Join(w[1:], " "))
				}
			}
		}
	case Drop, AnswerServ, AnswerRefused, AnswerNotAuth, FormErrEDNS, DropEDNS, NoAA, Upward, Loop, Truncate, TruncateAll,
		Mangle, CutOff, WrongID, WrongQuestion, CNAMEFirst, DeepestCut, Closed:
		err = want(0, "no arguments")
	default:
		err = fmt.Errorf("there is no action %q", f.Action)
	}
	return f, err
}

// String gives the line that [ParseFault] reads.
func (f Fault) String() string {
	w := []string{f.Server.String(), string(f.Action)}
	if f.Addr.IsValid() {
		w[0] = f.Addr.String()
	}
	switch f.Action {
	case Delay:
		w = append(w, f.Delay.String())
	case AnswerRCode:
		w = append(w, f.RCode.String())
	case HugeReferral:
		w = append(w, strconv.Itoa(f.Count))
	case Lie:
		w = append(w, f.RR.Name.String(), f.RR.Type.String(), f.RR.Text())
	}
	if f.Type != 0 {
		w = append(w, "for", f.Type.String())
	}
	if !f.Name.IsZero() {
		w = append(w, "name", f.Name.String())
	}
	if f.Over != "" {
		w = append(w, "over", string(f.Over))
	}
	if f.Times != 0 {
		w = append(w, "times", strconv.Itoa(f.Times))
	}
	return strings.Join(w, " ")
}

// concerns reports whether the fault is about a packet.
func (f Fault) concerns(h *host, q resolver.Question, over resolver.Transport) bool {
	if f.Addr.IsValid() && f.Addr != h.addr || !f.Server.IsZero() && !slices.Contains(h.names, f.Server) {
		return false
	}
	if f.Type != 0 && f.Type != q.Type || !f.Name.IsZero() && f.Name != q.Name || f.Over != "" && f.Over != over {
		return false
	}
	return f.Action != Lie || !f.Name.IsZero() || f.RR.Name == q.Name
}
