package validate

import (
	"encoding/json"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// ID names a rule: subject, hyphen, fault. IDs are never reused and carry no severity.
type ID string

// Verdict is what a public CA would find. It is never rounded: what could not be learnt is [Undetermined].
type Verdict string

// The three verdicts.
const (
	// Valid: a public CA that asks any authoritative server now finds this value, and nothing found in the DNS forbids
	// the issue.
	Valid Verdict = "valid"
	// Invalid: it does not, or must not; the first finding says why.
	Invalid Verdict = "invalid"
	// Undetermined: the DNS did not answer well enough to say.
	Undetermined Verdict = "undetermined"
)

// Severity says what a finding means for the certificate.
type Severity string

// The severities, worst first.
const (
	Error   Severity = "error"   // keeps the certificate from being issued or renewed
	Warning Severity = "warning" // does not today, and may tomorrow
	Notice  Severity = "notice"  // worth knowing
)

// Confidence says how far a finding is proven.
type Confidence string

// The confidences, best first.
const (
	Certain  Confidence = "certain"  // the answers leave no other reading
	Likely   Confidence = "likely"   // another reading is possible and would be unusual
	Possible Confidence = "possible" // one reading among several
)

// Where says who can carry out a fix.
type Where string

// The places a fix can be made at.
const (
	WhereZone      Where = "zone"      // whoever hosts the zone: a change of RRsets
	WhereParent    Where = "parent"    // the parent zone's keeper
	WhereRegistrar Where = "registrar" // where the domain is registered
	WhereServers   Where = "servers"   // whoever runs the name servers
	WhereOther     Where = "other"     // the keeper of another zone, which the message names
	WhereACM       Where = "acm"       // in AWS Certificate Manager
	WhereInput     Where = "input"     // in what was typed or pasted
	WhereNowhere   Where = "nowhere"   // nothing to do, or only to wait
)

// Subject is what a finding is about. The verdict is about the DNS alone, and so is this law: a record is invalid exactly when
// some finding about it is an error and certain, and a valid record has no error about it. A certificate can be lost all
// the same, its 72 hours over or failed for a reason that is not in the DNS: that is an error [AboutCertificate], beside
// whatever the DNS says.
type Subject string

// What a finding can be about.
const (
	AboutRecord      Subject = ""            // what the DNS says about the record
	AboutCertificate Subject = "certificate" // what ACM says about the certificate
)

// Report is all that a check found out about one record. It is a plain value: the same answers give the same report, byte
// for byte, whatever the order and speed in which they came. What depends on the run is in Stats.
type Report struct {
	Record   Record
	Verdict  Verdict
	Findings []Finding // the cause first; what it explains after it
	Outcomes []Outcome // one for each rule, in the order of the rules
	// Perspectives is what the witnesses say, in the order of [Checker.Witnesses], this machine's own last. Name servers, and
	// a CA, which asks them with an empty cache, are not among them: the verdict speaks of these.
	Perspectives []Perspective
	Zone         Zone          // the zone that is really delegated; its zero value where the walk did not get there
	Host         Host          // who serves that zone; zero where none is known, or several ([HostsOf] tells which)
	Security     dnssec.Status // what DNSSEC says of the answers; empty where no trust anchor was given, or no server answers
	ETA          time.Time     // when the answer can be seen everywhere; zero where that is not known
	Way          Way           // only where it was asked for, by [Checker.KeepWay]; not part of the JSON
	Queries      int           // questions asked, each counted once however many packets it took
	Stats        Stats
}

// Zone is the zone that the delegations from the root really lead to for the record's name.
type Zone struct {
	Name        resolver.Name   // the apex
	NameServers []resolver.Name // as the parent says, sorted
}

// Stats is what differs from run to run.
type Stats struct {
	Elapsed time.Duration // wall time of the check
}

// Finding is one thing wrong, or worth knowing, with its evidence and how to mend it.
type Finding struct {
	Rule        ID
	Severity    Severity
	Confidence  Confidence
	About       Subject
	Message     string
	Evidence    []Evidence
	ExplainedBy ID // the rule whose finding is the cause of this one; empty for a cause
	Fixes       []Fix

	follows []ID // rules of whose findings this one is a consequence, beside those that explain its rule always
}

// Evidence is one thing that was seen: who was asked what, and what came back.
type Evidence struct {
	Text     string             // what was seen, in a sentence
	Server   resolver.Name      // the name server asked; zero where it has no name (a root hint, a typed address) or none was asked
	Question *resolver.Question // what was asked; nil where nothing was
}

// String gives the text and, where something was asked, the command that shows the same without us.
func (e Evidence) String() string {
	if c := e.Dig(); c != "" {
		return e.Text + " [" + c + "]"
	}
	return e.Text
}

// Fix is one way to mend a finding. Several fixes of one finding are alternatives.
type Fix struct {
	Message string // what to do, in words for whoever hosts the zone
	Where   Where
	Changes []Change // empty where no change of RRsets in the zone helps
}

// Change is one RRset as it is and as it should be. An empty From creates it, an empty To deletes it.
type Change struct {
	Name resolver.Name
	Type resolver.Type
	TTL  uint32   // seconds for To: kept from what was there, else 300
	From []string // RDATA in presentation format, sorted
	To   []string
}

// DefaultTTL is the TTL in seconds of a record that a fix creates: a mistake in it is soon forgotten.
const DefaultTTL = 300

// State is how a rule ended.
type State string

// How a rule can end.
const (
	Passed        State = "passed"
	Failed        State = "failed"
	NotApplicable State = "not applicable"
	NotKnown      State = "undetermined"
)

// Outcome is how one rule ended.
type Outcome struct {
	Rule   ID
	State  State
	Reason string // why it is not applicable or undetermined; empty otherwise
}

// MarshalJSON gives the object that the command line prints; see the tool's contract.
func (r Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(r.document())
}

type reportDocument struct {
	Record       recordDocument        `json:"record"`
	Verdict      Verdict               `json:"verdict"`
	Findings     []findingDocument     `json:"findings"`
	Perspectives []perspectiveDocument `json:"perspectives,omitempty"`
	Host         *hostDocument         `json:"host,omitempty"`
	DNSSEC       dnssec.Status         `json:"dnssec,omitempty"`
	ETA          string                `json:"eta,omitempty"`
	Queries      int                   `json:"queries"`
	ElapsedMS    int64                 `json:"elapsed_ms"`
}

type recordDocument struct {
	Domain string `json:"domain"`
	Name   string `json:"name"`
	Value  string `json:"value"`
}

type hostDocument struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type perspectiveDocument struct {
	Resolver string `json:"resolver"`
	Own      bool   `json:"own,omitempty"`
	Says     Says   `json:"says"`
	Text     string `json:"text"`
	Until    string `json:"until,omitempty"`
}

type findingDocument struct {
	Rule        ID            `json:"rule"`
	Severity    Severity      `json:"severity"`
	Confidence  Confidence    `json:"confidence"`
	About       Subject       `json:"about,omitempty"`
	Message     string        `json:"message"`
	Evidence    []string      `json:"evidence"`
	ExplainedBy ID            `json:"explained_by,omitempty"`
	Fixes       []fixDocument `json:"fixes"`
}

type fixDocument struct {
	Message string           `json:"message"`
	Where   Where            `json:"where"`
	Changes []changeDocument `json:"changes"`
}

type changeDocument struct {
	Name resolver.Name `json:"name"`
	Type resolver.Type `json:"type"`
	TTL  uint32        `json:"ttl,omitempty"`
	From []string      `json:"from"`
	To   []string      `json:"to"`
}

func (r Report) document() reportDocument {
	d := reportDocument{
		Record: recordDocument{Name: r.Record.Name.String(), Value: r.Record.Value.String()}, Verdict: r.Verdict,
		Findings: []findingDocument{}, Queries: r.Queries, ElapsedMS: r.Stats.Elapsed.Milliseconds(),
	}
	d.DNSSEC = r.Security
	if len(r.Record.Domains) > 0 {
		d.Record.Domain = r.Record.Domains[0].Text()
	}
	if !r.ETA.IsZero() {
		d.ETA = r.ETA.UTC().Format(time.RFC3339)
	}
	if !r.Host.IsZero() {
		d.Host = &hostDocument{ID: r.Host.ID, Name: r.Host.Name}
	}
	for _, w := range r.Perspectives {
		wd := perspectiveDocument{Resolver: w.Resolver.String(), Own: w.Own, Says: w.Says, Text: w.Text}
		if !w.Until.IsZero() {
			wd.Until = w.Until.UTC().Format(time.RFC3339)
		}
		d.Perspectives = append(d.Perspectives, wd)
	}
	for _, f := range r.Findings {
		fd := findingDocument{
			Rule: f.Rule, Severity: f.Severity, Confidence: f.Confidence, About: f.About, Message: f.Message,
			Evidence: []string{}, ExplainedBy: f.ExplainedBy, Fixes: []fixDocument{},
		}
		for _, e := range f.Evidence {
			fd.Evidence = append(fd.Evidence, e.String())
		}
		for _, x := range f.Fixes {
			xd := fixDocument{Message: x.Message, Where: x.Where, Changes: []changeDocument{}}
			for _, c := range x.Changes {
				xd.Changes = append(xd.Changes, changeDocument{Name: c.Name, Type: c.Type, TTL: c.TTL, From: nonNil(c.From), To: nonNil(c.To)})
			}
			fd.Fixes = append(fd.Fixes, xd)
		}
		d.Findings = append(d.Findings, fd)
	}
	return d
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
