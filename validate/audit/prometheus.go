package audit

import (
	"bufio"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/validate"
)

// zonesInMetrics is how many zones have a sample of their own: each is a time series for whoever stores them.
const zonesInMetrics = 20

// WritePrometheus writes a summary in Prometheus's text exposition format (version 0.0.4), for the textfile collector of
// node_exporter. All are gauges, of the last run:
//
//	acmdoctor_audit_records{verdict}            records, by verdict; all three are always there
//	acmdoctor_audit_warned_records              valid records with a warning
//	acmdoctor_audit_unreadable_records          lines that could not be read
//	acmdoctor_audit_rule_records{rule,severity} records in which a rule found something
//	acmdoctor_audit_rule_causes{rule,severity}  of these, those of whose verdict or warning it is the cause
//	acmdoctor_audit_zone_records{zone}          records that are not valid, for the 20 zones with most
//	acmdoctor_audit_host_records{host,verdict}  records by the provider of their zone; host "" is not known
//	acmdoctor_audit_changes{since}              records by how they stand to the earlier run, where there was one
//	acmdoctor_audit_questions                   questions asked
//	acmdoctor_audit_duration_seconds            what the run took
//	acmdoctor_audit_end_time_seconds            when it was complete, in Unix time
//
// The same summary and time give the same text. The error is w's.
func WritePrometheus(w io.Writer, s Summary, end time.Time) error {
	m := metrics{w: bufio.NewWriter(w)}
	m.family("records", "Records, by verdict.")
	m.verdicts("records", VerdictCount{s.Valid, s.Invalid, s.Undetermined})
	m.family("warned_records", "Valid records with a warning.")
	m.sample("warned_records", float64(s.Warned))
	m.family("unreadable_records", "Lines of the input that could not be read.")
	m.sample("unreadable_records", float64(s.Unreadable))
	rules := s.ByRule()
	slices.Sort(rules)
	for _, f := range []struct {
		name, help string
		of         func(RuleCount) int
	}{
		{"rule_records", "Records in which a rule found something.", func(c RuleCount) int { return c.Records }},
		{"rule_causes", "Records of whose verdict or warning a rule's finding is the cause.", func(c RuleCount) int { return c.Cause }},
	} {
		m.family(f.name, f.help)
		for _, r := range rules {
			m.sample(f.name, float64(f.of(s.Rules[r])), "rule", string(r), "severity", string(s.Rules[r].Severity))
		}
	}
	m.family("zone_records", "Records that are not valid, for the zones with most.")
	for _, c := range s.Zones.First(zonesInMetrics) {
		m.sample("zone_records", float64(c.Count), "zone", c.Key)
	}
	m.family("host_records", "Records by the provider of their zone and verdict.")
	hosts := s.ByHost()
	slices.Sort(hosts)
	for _, h := range hosts {
		m.verdicts("host_records", s.Hosts[h], "host", h)
	}
	if len(s.Changes) > 0 {
		m.family("changes", "Records by how they stand to the earlier run.")
		for _, c := range []Change{Broken, Mended, Changed, New, Gone} {
			m.sample("changes", float64(s.Changes[c]), "since", string(c))
		}
	}
	m.family("questions", "Questions asked.")
	m.sample("questions", float64(s.Questions))
	m.family("duration_seconds", "What the run took.")
	m.sample("duration_seconds", s.Elapsed.Seconds())
	m.family("end_time_seconds", "When the run was complete, in Unix time.")
	m.sample("end_time_seconds", float64(end.Unix()))
	return m.w.Flush()
}

// metrics writes samples. An error of writing stays with w until it is flushed.
type metrics struct{ w *bufio.Writer }

const metricPrefix = "acmdoctor_audit_"

func (m metrics) family(name, help string) {
	m.text("# HELP " + metricPrefix + name + " " + help + "\n# TYPE " + metricPrefix + name + " gauge\n")
}

func (m metrics) verdicts(name string, v VerdictCount, labels ...string) {
	for _, x := range []struct {
		verdict validate.Verdict
		n       int
	}{{validate.Valid, v.Valid}, {validate.Invalid, v.Invalid}, {validate.Undetermined, v.Undetermined}} {
		m.sample(name, float64(x.n), append(slices.Clip(labels), "verdict", string(x.verdict))...)
	}
}

// labelEscapes are those of the format: a label's value has a backslash before a backslash and a quote, and \n.
var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (m metrics) sample(name string, value float64, labels ...string) {
	m.text(metricPrefix + name)
	for i := 0; i+1 < len(labels); i += 2 {
		before := ","
		if i == 0 {
			before = "{"
		}
		m.text(before + labels[i] + `="` + labelEscapes.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD")) + `"`)
	}
	if len(labels) > 0 {
		m.text("}")
	}
	m.text(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}

func (m metrics) text(s string) { _, _ = m.w.WriteString(s) } // Flush gives the error
