package validate

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// NameForm is how a provider's web form takes a record's name.
type NameForm string

// The forms. The empty one is not known.
const (
	NameRelative NameForm = "rel"  // relative to the zone, which the form appends
	NameFull     NameForm = "full" // the whole name
	NameBoth     NameForm = "both" // either: a full name is recognised
)

// FinalDot is what a provider's web form wants at the end of a CNAME's value.
type FinalDot string

// The final dots. The empty one is not known.
const (
	DotNo   FinalDot = "no"   // leave it off: it is refused or taken away
	DotMust FinalDot = "must" // without it the zone is appended
	DotAny  FinalDot = "any"
)

// Flattening is what else a provider can answer in place of a CNAME that its console shows.
type Flattening string

// The flattenings. The empty one is not known.
const (
	FlattensCNAME Flattening = "cname" // it can answer a CNAME with the target's addresses, or with nothing where there are none
	FlattensAlias Flattening = "alias" // it has a type of its own for that (ALIAS, ANAME), which may have been chosen
	FlattensNot   Flattening = "no"
)

// Host is a provider that serves zones for others, as far as it is known: what its form wants, and what goes wrong there.
// It is a plain value; the zero value is no provider that is known. A host is told from name servers, which is never proof
// of where somebody has an account.
type Host struct {
	ID         string // the name of the provider in the rest of the project: "route53", "cloudflare", …
	Name       string // what people call it
	Module     string // the name of its module among those of libdns; empty where there is none
	Servers    []string
	Form       NameForm
	Dot        FinalDot
	Flattens   Flattening
	Ranges     []netip.Prefix // where its proxies' addresses lie, where it publishes that
	Warnings   []string       // what else to look out for, each half a sentence
	Unverified []string       // columns of the table for which no source was seen: form, dot, flattens, module, servers, warnings
}

// IsZero reports whether the host is not known.
func (h Host) IsZero() bool { return h.ID == "" }

// sure reports whether a column of the table rests on a source.
func (h Host) sure(column string) bool { return !slices.Contains(h.Unverified, column) }

// Appends reports whether the host's form is known to append the zone to what is typed as a name.
func (h Host) Appends() bool { return h.Form == NameRelative && h.sure("form") }

// clone shares nothing with the table.
func (h Host) clone() Host {
	h.Servers, h.Ranges = slices.Clone(h.Servers), slices.Clone(h.Ranges)
	h.Warnings, h.Unverified = slices.Clone(h.Warnings), slices.Clone(h.Unverified)
	return h
}

// Hosting is a host and those of a zone's name servers that are its own.
type Hosting struct {
	Host        Host
	NameServers []resolver.Name
	// Confidence is [Likely], or [Possible] where other hosts use such names, too. It is never [Certain]: whoever has an
	// account may put any record of his own in front of anybody's servers.
	Confidence Confidence
}

//go:embed hosts.tsv
var hostsTable string

//go:embed hosts_ranges.tsv
var hostRangesTable string

// knownHost is a row of the table, ready to be compared with.
type knownHost struct {
	Host
	patterns []serverPattern
}

// hosts is the table, read once.
var hosts = sync.OnceValue(func() []knownHost {
	all, err := parseHosts(hostsTable, hostRangesTable)
	if err != nil {
		panic(err) // the table is part of this program, and a test reads it
	}
	out := make([]knownHost, len(all))
	for i, h := range all {
		out[i].Host = h
		for _, p := range h.Servers {
			out[i].patterns = append(out[i].patterns, parsePattern(p))
		}
	}
	return out
})

// Hosts gives every provider that is recognised, in the order of the table. The slice is the caller's own.
func Hosts() []Host {
	var out []Host
	for _, h := range hosts() {
		out = append(out, h.clone())
	}
	return out
}

// HostsOf tells who serves a zone from the name servers that the parent names: one Hosting for each host that is
// recognised, in the order of the table. Several that are likely are a zone kept at several providers; several that are
// possible share the same names. Name servers that nobody is known by are in none.
func HostsOf(nameServers []resolver.Name) []Hosting {
	labels := make([][]string, len(nameServers))
	for i, n := range nameServers {
		labels[i] = n.Labels()
	}
	var out []Hosting
	for _, h := range hosts() {
		at := Hosting{Confidence: Possible}
		for i, n := range nameServers {
			for _, p := range h.patterns {
				if !p.matches(labels[i]) {
					continue
				}
				at.NameServers = append(at.NameServers, n)
				if !p.shared {
					at.Confidence = Likely
				}
				break
			}
		}
		if len(at.NameServers) > 0 {
			at.Host = h.clone()
			out = append(out, at)
		}
	}
	return out
}

// HostOf gives the one host whose name servers all of these are, and that nobody shares the names with. The zero Host says
// that none is known, or several.
func HostOf(nameServers []resolver.Name) Host {
	all := HostsOf(nameServers)
	if len(all) != 1 || all[0].Confidence != Likely || len(all[0].NameServers) != len(nameServers) {
		return Host{}
	}
	return all[0].Host
}

// hostByID gives the host of the table with this ID; zero where there is none.
func hostByID(id string) Host {
	for _, h := range hosts() {
		if h.ID == id {
			return h.clone()
		}
	}
	return Host{}
}

// parseHosts reads the two tables.
func parseHosts(table, ranges string) ([]Host, error) {
	rows, err := readTable(table, 9)
	if err != nil {
		return nil, fmt.Errorf("validate: table of hosts: %w", err)
	}
	nets, err := readTable(ranges, 2)
	if err != nil {
		return nil, fmt.Errorf("validate: table of hosts' networks: %w", err)
	}
	var out []Host
	for _, r := range rows {
		h := Host{
			ID: r[0], Name: r[1], Module: r[2], Servers: strings.Fields(r[3]), Form: NameForm(r[4]), Dot: FinalDot(r[5]),
			Flattens: Flattening(r[6]), Unverified: strings.Fields(r[7]),
		}
		for _, w := range strings.Split(r[8], "; ") {
			if w != "" {
				h.Warnings = append(h.Warnings, w)
			}
		}
		for _, n := range nets {
			if n[0] != h.ID {
				continue
			}
			p, err := netip.ParsePrefix(n[1])
			if err != nil {
				return nil, fmt.Errorf("validate: table of hosts' networks: %s: %w", h.ID, err)
			}
			h.Ranges = append(h.Ranges, p)
		}
		out = append(out, h)
	}
	return out, nil
}

// readTable reads rows of so many columns, separated by tabs; "#" begins a comment.
func readTable(text string, columns int) ([][]string, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.Comment, r.LazyQuotes, r.FieldsPerRecord = '\t', '#', true, columns
	return r.ReadAll()
}

// serverPattern stands for names of name servers. It is compared label by label: "*" in a label stands for any characters,
// a first label that is "*" for one or more labels.
type serverPattern struct {
	deep   bool // the first label is "*"
	labels []string
	shared bool // "?" in front: others have such names, too
}

func parsePattern(text string) serverPattern {
	var p serverPattern
	text, p.shared = strings.CutPrefix(text, "?")
	text, p.deep = strings.CutPrefix(text, "*.")
	p.labels = strings.Split(text, ".")
	return p
}

func (p serverPattern) matches(name []string) bool {
	if p.deep {
		if len(name) <= len(p.labels) {
			return false
		}
		name = name[len(name)-len(p.labels):]
	}
	if len(name) != len(p.labels) {
		return false
	}
	for i := len(name) - 1; i >= 0; i-- { // the top first: there most patterns differ
		if !matchesLabel(p.labels[i], name[i]) {
			return false
		}
	}
	return true
}

func matchesLabel(pattern, label string) bool {
	head, rest, glob := strings.Cut(pattern, "*")
	if !glob {
		return pattern == label
	}
	if label, glob = strings.CutPrefix(label, head); !glob {
		return false
	}
	for {
		middle, more, another := strings.Cut(rest, "*")
		if !another {
			return strings.HasSuffix(label, rest)
		}
		_, after, found := strings.Cut(label, middle)
		if !found {
			return false
		}
		label, rest = after, more
	}
}
