package validate

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Rule is one known cause, or symptom, of a record that does not validate. It is a value: a rule of one's own is appended
// to a copy of [Rules]. Rules know nothing of each other but the IDs in Explains.
type Rule interface {
	// Info describes the rule. It is constant.
	Info() Info
	// Run looks, through p alone, and reports what it finds. It returns nil when it came to a result, [ErrNotApplicable] or
	// [ErrUndetermined] (wrapped with the reason) otherwise; any other error, and a panic, counts as undetermined. It neither
	// prints nor sleeps, and must be safe to run beside other rules.
	Run(ctx context.Context, p *Pass) error
}

// Info is what a rule is about, as data: the catalogue on the terminal and in the documents is made of it.
type Info struct {
	ID       ID
	Title    string   // the fault in half a sentence
	Text     string   // what happens, why, and how it is told from its neighbours
	Wrong    string   // an example of the fault, in zone-file format where it is one of records
	Right    string   // the same, mended
	Fix      string   // what to do about it
	Severity Severity // the worst it reports
	Explains []ID     // rules whose findings are consequences of this one's
	// Follows are rules of which this one's finding is a consequence where what ACM says makes it one: for the catalogue, since
	// each finding knows for itself. They need not be in the set. [AnyRecordError] stands for all.
	Follows []ID
	Refs    []Ref // where the facts come from; never empty
	// Probe marks a rule that asks questions which only a failure justifies: it runs when a rule that it explains has
	// failed, so that a healthy record is not probed.
	Probe bool
	// Input marks a rule that reads the record alone. The others do not run on input that is no record of ACM, or whose
	// domain cannot be certified.
	Input bool
	// Certificate marks a rule about the certificate and not about the DNS. It runs where something is known about the
	// certificate, and its findings are [AboutCertificate]: they change no verdict.
	Certificate bool
}

// AnyRecordError stands in [Info.Follows] for every rule that finds a certain error about the record.
const AnyRecordError ID = "*"

// Ref is a source: a document and the place in it.
type Ref struct{ Source, Section string }

// String gives source and section.
func (r Ref) String() string {
	if r.Section == "" {
		return r.Source
	}
	return r.Source + ", " + r.Section
}

// How a rule says that it has no result.
var (
	// ErrNotApplicable: the rule has nothing to say about this record.
	ErrNotApplicable = errors.New("not applicable")
	// ErrUndetermined: what the rule needs to know did not come back.
	ErrUndetermined = errors.New("undetermined")
)

// ErrBadRules is wrapped by the errors of [Validate].
var ErrBadRules = errors.New("the set of rules is not sound")

// Validate checks a set of rules before a packet is sent: IDs unique, descriptions complete, Explains naming rules of the
// set and free of circles. All faults are joined in one error, which wraps [ErrBadRules].
func Validate(rules []Rule) error {
	infos := map[ID]Info{}
	var errs []error
	bad := func(id ID, what string) {
		errs = append(errs, fmt.Errorf("validate: rule %q: %s: %w", id, what, ErrBadRules))
	}
	for _, r := range rules {
		i := r.Info()
		if _, twice := infos[i.ID]; twice {
			bad(i.ID, "its ID is used twice")
		}
		infos[i.ID] = i
		for field, missing := range map[string]bool{
			"ID": i.ID == "", "Title": i.Title == "", "Text": i.Text == "", "Wrong": i.Wrong == "", "Right": i.Right == "",
			"Fix": i.Fix == "", "Severity": i.Severity == "", "Refs": len(i.Refs) == 0,
		} {
			if missing {
				bad(i.ID, field+" is missing")
			}
		}
		if i.Probe && len(i.Explains) == 0 {
			bad(i.ID, "a probe that explains nothing would never run")
		}
	}
	for _, r := range rules {
		i := r.Info()
		for _, x := range i.Explains {
			if _, known := infos[x]; !known {
				bad(i.ID, fmt.Sprintf("it explains %q, which is not in the set", x))
			}
		}
		if reaches(infos, i.ID, i.ID, nil) {
			bad(i.ID, "what it explains leads back to it")
		}
	}
	return errors.Join(errs...)
}

func reaches(infos map[ID]Info, from, to ID, seen []ID) bool {
	for _, x := range infos[from].Explains {
		if x == to {
			return true
		}
		if !slices.Contains(seen, x) {
			seen = append(seen, x)
			if reaches(infos, x, to, seen) {
				return true
			}
		}
	}
	return false
}

// Rules gives the rules of this package in the order in which their findings are put: the first that holds is the cause.
// The slice is the caller's own.
func Rules() []Rule {
	return []Rule{
		inputInvalid{},
		inputSwapped{},
		inputUnclean{},
		domainIneligible{},
		recordPending{},
		certificateNotDNS{},
		certificateTimedOut{},
		certificateFailed{},
		acmeValidationFailed{},
		certificateRecordDiffers{},
		zoneUndelegated{},
		zoneSuspended{},
		serverLame{},
		serverUnreachable{},
		dnssecBogus{},
		nameUnderDNAME{},
		recordMisplaced{},
		delegationMismatch{},
		cnameAndOtherData{},
		cnameMultiple{},
		recordFlattened{},
		recordWrongType{},
		nameWildcarded{},
		valueDoubled{},
		valueMangled{},
		valueSwapped{},
		cnameChained{},
		valueMismatch{},
		nameDoubled{},
		nameRelocated{},
		nameUnderscoreMissing{},
		serversDisagree{},
		recordMissing{},
		caaForbids{},
		caaUnansweredRule{},
		dnssecFragile{},
		perspectiveDiffers{},
		answerStale{},
		resolverDiffers{},
		certificateOtherDomain{},
		renewalBlocked{},
		renewalIneligible{},
		recordValidWait{},
		valueUnderscoreStripped{},
		targetUnresolvable{},
		ttlLong{},
		checkIncomplete{},
	}
}
