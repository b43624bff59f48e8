package validate

import "slices"

// Together gives reports anew with what only all records of a certificate tell. One check knows of the other domains what
// ACM says, which may be old; here their own verdicts count: certificate-other-domain is certain where another record is
// not valid, and is taken back where all are; record-valid-wait stays where all are valid. The reports of several
// certificates, and of none, may be mixed, in any order; those given are left as they are. Findings are added only where
// the rule was among those of the check.
func Together(reports []Report) []Report {
	of := map[[3]string]Verdict{}
	for _, r := range reports {
		of[r.Record.key()] = r.Verdict
	}
	out := slices.Clone(reports)
	for i, r := range reports {
		if c := r.Record.Certificate; c.Status == statusPending && r.Verdict == Valid {
			out[i] = r.among(of)
		}
	}
	return out
}

// among judges a valid record's report by the verdicts of its certificate's other records.
func (r Report) among(of map[[3]string]Verdict) Report {
	c := r.Record.Certificate
	var wrong, unknown []DomainValidation
	for _, d := range r.Record.othersOf(c.Domains) {
		verdict, checked := of[Record{Name: d.Name, Value: d.Value, Certificate: c}.key()]
		switch {
		case checked && verdict == Invalid, d.Status == statusFailed, d.Name.IsZero() && d.Status != statusSuccess:
			wrong = append(wrong, d)
		case d.Status == statusSuccess, checked && verdict == Valid:
		default:
			unknown = append(unknown, d)
		}
	}
	switch {
	case len(wrong) > 0:
		f := otherDomains(wrong)
		f.Confidence = Certain
		return r.without(recordValidWait{}).with(certificateOtherDomain{}, f)
	case len(unknown) > 0:
		f := otherDomains(unknown)
		f.Severity, f.Confidence = Warning, Possible
		f.Message = "this record is right; of the others of this certificate it is not known: " + domainsText(unknown)
		return r.without(recordValidWait{}).with(certificateOtherDomain{}, f)
	}
	return r.without(certificateOtherDomain{})
}

// without takes a rule's findings away; the rule has then passed.
func (r Report) without(rule Rule) Report {
	id := rule.Info().ID
	r.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Rule == id })
	return r.ended(id, Passed)
}

// with puts a finding in the place of what the rule has found, where its severity and the order of the rules want it.
func (r Report) with(rule Rule, f Finding) Report {
	info := rule.Info()
	if !slices.ContainsFunc(r.Outcomes, func(o Outcome) bool { return o.Rule == info.ID }) {
		return r
	}
	r = r.without(rule)
	f.Rule, f.About = info.ID, AboutCertificate
	if f.Severity == "" {
		f.Severity = info.Severity
	}
	order := map[ID]int{}
	for i, o := range r.Outcomes {
		order[o.Rule] = i
	}
	r.Findings = append(r.Findings, f)
	sortFindings(r.Findings, order)
	return r.ended(info.ID, Failed)
}

func (r Report) ended(id ID, s State) Report {
	r.Outcomes = slices.Clone(r.Outcomes)
	for i, o := range r.Outcomes {
		if o.Rule == id && (o.State != NotApplicable || s == Failed) {
			r.Outcomes[i] = Outcome{Rule: id, State: s}
		}
	}
	return r
}
