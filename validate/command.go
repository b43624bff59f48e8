package validate

import (
	"fmt"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Dig gives the command for dig (BIND; from 9.18 on for what goes over TLS and HTTPS) that asks the same; "" where nothing
// was asked.
func (e Evidence) Dig() string {
	if e.Question == nil || !e.Question.Server.IsValid() && e.Question.Recursor.IsZero() {
		return ""
	}
	q := *e.Question
	var b strings.Builder
	b.WriteString("dig ")
	if !q.Recursive && q.Server.IsValid() {
		b.WriteString("+norecurse ")
	}
	for _, f := range []struct {
		on   bool
		text string
	}{{q.TCP, "+tcp "}, {q.DNSSEC, "+dnssec "}, {q.CheckingDisabled, "+cdflag "}} {
		if f.on {
			b.WriteString(f.text)
		}
	}
	host, port, usual := q.Server.Addr().String(), q.Server.Port(), uint16(53)
	if r := q.Recursor; !q.Server.IsValid() {
		host, port = r.AddrPort().Addr().String(), r.AddrPort().Port()
		if !r.AddrPort().Addr().IsValid() {
			host = r.Host()
		}
		switch r.Transport() {
		case resolver.TLS:
			usual = 853
			b.WriteString("+tls ")
		case resolver.HTTPS:
			usual = 443
			fmt.Fprintf(&b, "+https=%s ", shellWord(r.Path()))
		}
		if r.Host() != "" && r.Host() != host {
			fmt.Fprintf(&b, "+tls-hostname=%s ", r.Host())
		}
	}
	if port != usual {
		fmt.Fprintf(&b, "-p %d ", port)
	}
	fmt.Fprintf(&b, "@%s %s %s", host, shellName(q.Name), q.Type)
	return b.String()
}

// Nslookup gives the command for nslookup, which Windows has, that asks the same; "" where nothing was asked, or nothing
// that nslookup can ask: it knows neither TLS nor HTTPS.
func (e Evidence) Nslookup() string {
	if e.Question == nil {
		return ""
	}
	q := *e.Question
	at := q.Server
	if !at.IsValid() && q.Recursor.Transport() == resolver.UDP {
		at = q.Recursor.AddrPort()
	}
	if !at.IsValid() {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "nslookup -type=%s ", q.Type)
	if !q.Recursive && q.Server.IsValid() {
		b.WriteString("-norecurse ")
	}
	if q.TCP {
		b.WriteString("-vc ")
	}
	if p := at.Port(); p != 53 {
		fmt.Fprintf(&b, "-port=%d ", p)
	}
	fmt.Fprintf(&b, "%s %s", shellName(q.Name), at.Addr())
	return b.String()
}

// shellWord quotes what a shell would not pass on as it is.
func shellWord(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-:/+=@,%", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// shellName is [shellWord] for a name.
func shellName(n resolver.Name) string { return shellWord(n.String()) }
