package validate

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// document is one JSON value of an input, and what has been found in it.
type document struct {
	text         string
	line, column int // of its first character
	root         jsonValue
	found        []Source
	records      map[[3]string]int // where a record stands in found, by name, value and certificate
	of           Certificate       // the certificate whose domains are being read

	at, atLine, atColumn int // an octet whose place is known, lest each record of a large document counts from its start
}

// parseJSONValues reads JSON values one after the other, each on one line (NDJSON) or over many.
func parseJSONValues(lines *inputLines, emit func(Source) bool) {
	broken := false // the lines at hand belong to a value that was given up
	for {
		line, ok := lines.next()
		if !ok {
			return
		}
		text := strings.TrimLeft(line.text, " \t\r")
		if text == "" || text[0] == '#' {
			continue
		}
		if text[0] != '{' && text[0] != '[' {
			if broken && (len(text) < len(line.text) || strings.IndexByte(`"}],`, text[0]) >= 0) {
				continue
			}
			r, _ := utf8.DecodeRuneInString(text)
			if !emit(Source{Line: line.number, Err: &InputError{
				Line: line.number, Column: line.column + len(line.text) - len(text), Found: codePoint(r),
				Expected: `a JSON object, which begins with "{"`,
			}}) {
				return
			}
			continue
		}
		if broken && len(text) < len(line.text) {
			continue
		}
		if line.long {
			broken = true
			if !emit(tooLong(line, lines.most)) {
				return
			}
			continue
		}
		line.column += len(line.text) - len(text)
		line.text = text
		d, err := readDocument(line, lines)
		broken = err != nil
		if err != nil {
			if !emit(Source{Line: line.number, Err: err}) {
				return
			}
			continue
		}
		d.search()
		for _, s := range d.found {
			if !emit(s) {
				return
			}
		}
	}
}

// readDocument takes one value, of the line and as many after it as it needs. What stands behind it in the last one is
// given back. So are the lines behind a value that is broken off: they may be whole.
func readDocument(first inputLine, lines *inputLines) (*document, *InputError) {
	d := &document{line: first.number, column: first.column, atLine: first.number, atColumn: first.column, records: map[[3]string]int{}}
	var x jsonExtent
	var text strings.Builder
	taken := []inputLine{first}
	end, hopeless := x.feed(first.text)
	text.WriteString(first.text)
	for end < 0 && !hopeless && text.Len() < lines.most {
		line, ok := lines.next()
		if !ok {
			break
		}
		taken = append(taken, line)
		text.WriteByte('\n')
		before := text.Len()
		text.WriteString(line.text)
		if end, hopeless = x.feed(line.text); end >= 0 {
			end += before
		}
		hopeless = hopeless || line.long
	}
	d.text = text.String()
	if end >= 0 {
		last := taken[len(taken)-1]
		rest := d.text[end:]
		d.text = d.text[:end]
		if strings.TrimLeft(rest, " \t\r") != "" {
			last.column += utf8.RuneCountInString(strings.TrimSuffix(last.text, rest))
			last.text = rest
			lines.giveBack(last)
		}
	}
	root, _, err := parseJSON(d.text)
	if err == nil {
		d.root = root
		return d, nil
	}
	if end < 0 {
		// A line of NDJSON that is cut off is found out by the next line or the one after. Anything longer is a
		// document: what matters then is only whether the line that shows the fault begins another one.
		if len(taken) <= 3 {
			lines.giveBack(taken[1:]...)
		} else {
			lines.giveBack(taken[len(taken)-1])
		}
	}
	e := &InputError{Found: err.found, Expected: err.expected}
	if end < 0 && len(d.text) >= lines.most {
		e.Found, e.Expected = "a JSON value longer than that", fmt.Sprintf("at most %d octets", lines.most)
	}
	e.Line, e.Column = d.place(err.at)
	return nil, e
}

// place gives line and column of an octet.
func (d *document) place(at int) (int, int) {
	at = min(at, len(d.text))
	between := d.text[min(at, d.at):max(at, d.at)]
	lines := strings.Count(between, "\n")
	switch {
	case at >= d.at && lines == 0:
		d.atColumn += utf8.RuneCountInString(between)
	case at >= d.at:
		d.atColumn = 1 + utf8.RuneCountInString(between[strings.LastIndexByte(between, '\n')+1:])
		d.atLine += lines
	case lines == 0:
		d.atColumn -= utf8.RuneCountInString(between)
	default:
		d.atLine -= lines
		d.atColumn = 1 + utf8.RuneCountInString(d.text[strings.LastIndexByte(d.text[:at], '\n')+1:at])
		if d.atLine == d.line {
			d.atColumn += d.column - 1
		}
	}
	d.at = at
	return d.atLine, d.atColumn
}

// field gives the text of a string, with the places of its characters.
func (d *document) field(v jsonValue) rawField {
	return rawField{v.text, func(character int) (int, int) {
		at := v.start
		if v.kind == '"' {
			at++
			for ; character > 1; character-- {
				r, used, err := jsonRune(d.text, at)
				if err != nil || r < 0 {
					break
				}
				at += used
			}
		}
		return d.place(at)
	}}
}

// fail notes an error at a value.
func (d *document) fail(v jsonValue, s Source, e *InputError) {
	e.Line, e.Column = d.place(v.start)
	s.Line, s.Err = e.Line, e
	if e.Kind != nil && !d.of.IsZero() { // no record, and yet something to say
		s.Record.Certificate = d.of
		if n, err := resolver.ParseName(s.Domain); err == nil {
			s.Record.Domains = []resolver.Name{n}
		}
	}
	d.found = append(d.found, s)
}

// add notes a record; one that the certificate has had already gives its domain only.
func (d *document) add(s Source) {
	if s.Err != nil {
		d.found = append(d.found, s)
		return
	}
	s.Record.Certificate = d.of
	key := s.Record.key()
	if i, ok := d.records[key]; ok {
		d.found[i].Record = merged(d.found[i].Record, s.Record)
		return
	}
	d.records[key] = len(d.found)
	d.found = append(d.found, s)
}

// search recognises the form of the value and finds its records.
func (d *document) search() {
	if d.isRecord(d.root) {
		d.record(d.root)
		return
	}
	d.walk(d.root)
	if len(d.found) == 0 {
		d.nothing()
	}
}

// isRecord recognises an object of NDJSON.
func (d *document) isRecord(v jsonValue) bool {
	for _, f := range []jsonValue{v.get("name"), v.get("value")} {
		if f.kind == '{' || f.kind == '[' { // an output of Terraform can have these names
			return false
		}
	}
	for _, m := range v.members {
		if strings.EqualFold(m.key, "name") || strings.EqualFold(m.key, "value") {
			return !v.get("resource_record_name").exists()
		}
	}
	return false
}

// walk looks for certificates, records and Terraform's options, wherever they are.
func (d *document) walk(v jsonValue) {
	switch v.kind {
	case '[':
		for _, item := range v.items {
			if v.start == d.root.start && d.isRecord(item) { // NDJSON that was made an array; deeper, name and value are anybody's
				d.record(item)
				continue
			}
			d.walk(item)
		}
	case '"':
		if m := eventForm.FindStringSubmatch(v.text); m != nil { // of aws cloudformation describe-stack-events
			line, column := d.place(v.start)
			at := func(int) (int, int) { return line, column }
			d.add(rawRecord{line: line, name: rawField{m[1], at}, value: rawField{m[2], at}}.source())
		}
	case '{':
		switch {
		case v.get("CertificateSummaryList").exists():
			d.fail(v.get("CertificateSummaryList"), Source{}, &InputError{
				Found: "CertificateSummaryList", Expected: "the output of aws acm describe-certificate", Kind: ErrNoRecord,
				Message: "this is a list of certificates without their records: aws acm describe-certificate gives them, " +
					"asked with each CertificateArn",
			})
		case v.get("DomainValidationOptions").exists(), v.get("CertificateArn").kind == '"' && v.get("Status", "Type").exists():
			d.certificate(v)
		case v.get("AcmeDomainValidationArn").kind == '"' && v.get("Status").exists():
			d.acmeValidation(v)
		case v.get("ResourceRecord").kind == '{':
			d.option(v, v.get("DomainName"))
		case d.hasKey(v, "resource_record_name"):
			d.terraform(v)
		default:
			for _, m := range v.members {
				d.walk(m.value)
			}
		}
	}
}

func (d *document) hasKey(v jsonValue, name string) bool {
	return slices.ContainsFunc(v.members, func(m jsonMember) bool { return strings.EqualFold(m.key, name) })
}

// record reads an object of NDJSON.
func (d *document) record(v jsonValue) {
	clear(d.records) // each is a record of its own, with its own id
	line, _ := d.place(v.start)
	raw := rawRecord{line: line}
	if id := v.get("id"); id.kind == '"' || id.kind == '0' {
		raw.id = id.text
	}
	d.strings(v, raw, v.get("domain", "domain_name", "DomainName"), v.get("name"), v.get("value"), v.get("type"))
}

// terraform reads an element of domain_validation_options (Terraform's AWS provider, aws_acm_certificate).
func (d *document) terraform(v jsonValue) {
	line, _ := d.place(v.start)
	domain, name, value := v.get("domain_name"), v.get("resource_record_name"), v.get("resource_record_value")
	if name.text == "string" && value.text == "string" {
		return // the type of an output, which terraform output gives beside its value
	}
	if name.text == "" && value.text == "" && name.kind != '0' && value.kind != '0' {
		d.fail(v, Source{Domain: domain.text}, pending(0, 0, domain.text))
		return
	}
	d.strings(v, rawRecord{line: line}, domain, name, value, v.get("resource_record_type"))
}

// strings makes a record of four values that should be strings.
func (d *document) strings(v jsonValue, raw rawRecord, domain, name, value, typ jsonValue) {
	s := Source{ID: raw.id, Domain: domain.text, Name: name.text, Value: value.text}
	for _, f := range []struct {
		field string
		value jsonValue
		must  bool
	}{{"domain", domain, false}, {"name", name, true}, {"value", value, true}, {"type", typ, false}} {
		switch {
		case !f.value.exists() && f.must:
			d.fail(v, s, &InputError{
				Field: f.field, Found: "an object without " + quoted(f.field), Expected: quoted("name") + " and " + quoted("value"),
				Message: "the object has no " + quoted(f.field) + ", where " + quoted("name") + " and " + quoted("value") + " are expected",
			})
			return
		case f.value.exists() && f.value.kind != '"':
			d.fail(f.value, s, &InputError{Field: f.field, Found: f.value.describe(), Expected: "a string"})
			return
		}
	}
	if typ.exists() && !strings.EqualFold(strings.TrimSpace(typ.text), "CNAME") {
		d.fail(typ, s, wrongType(0, 0, typ.text))
		return
	}
	raw.name, raw.value = d.field(name), d.field(value)
	if domain.text != "" {
		raw.domain = d.field(domain)
	}
	d.add(raw.source())
}

// certificate reads a Certificate of ACM ("CertificateDetail" in the ACM API Reference).
func (d *document) certificate(v jsonValue) {
	d.of = d.facts(v)
	defer func() { d.of = Certificate{} }()
	domain := v.get("DomainName")
	lists := []jsonValue{v.get("DomainValidationOptions"), v.get("RenewalSummary").get("DomainValidationOptions")}
	options := 0
	seen := map[string]bool{}
	for i, list := range lists {
		if list.exists() && list.kind != '[' {
			options++
			d.fail(list, Source{Domain: domain.text}, &InputError{
				Found: list.describe(), Expected: "an array of DomainValidationOptions",
			})
			continue
		}
		for _, o := range list.items {
			of := o.get("DomainName")
			if i > 0 && seen[of.text] && !o.get("ResourceRecord").exists() {
				continue // said once is enough
			}
			seen[of.text] = true
			options++
			d.option(o, of)
		}
	}
	if options > 0 {
		return
	}
	if typ := v.get("Type"); strings.EqualFold(typ.text, "IMPORTED") || strings.EqualFold(typ.text, "PRIVATE") {
		d.fail(v, Source{Domain: domain.text}, &InputError{
			Field: "domain", Found: typ.text, Expected: "AMAZON_ISSUED", Kind: ErrNotDNSValidated,
			Message: "the certificate" + forDomain(domain.text) + " is " + strings.ToLower(typ.text) + ": ACM does not validate its domains by DNS",
		})
		return
	}
	if status := v.get("Status").text; status != "" && status != "PENDING_VALIDATION" {
		d.fail(v, Source{Domain: domain.text}, &InputError{
			Found: "no DomainValidationOptions", Expected: "them, with a ResourceRecord for each domain", Kind: ErrNoRecord,
			Message: "the certificate" + forDomain(domain.text) + " has no DomainValidationOptions (its status is " + quoted(status) + ")",
		})
		return
	}
	d.fail(v, Source{Domain: domain.text}, pending(0, 0, domain.text))
}

// option reads one of a certificate's domains ("DomainValidation" in the ACM API Reference).
func (d *document) option(o, domain jsonValue) {
	s := Source{Domain: domain.text}
	if o.kind != '{' {
		d.fail(o, s, &InputError{Found: o.describe(), Expected: "an object with DomainName and ResourceRecord"})
		return
	}
	rr := o.get("ResourceRecord")
	switch method := o.get("ValidationMethod").text; {
	case rr.exists() && rr.kind != '{':
		d.fail(rr, s, &InputError{Found: rr.describe(), Expected: "an object with Name, Type and Value"})
	case rr.exists():
		line, _ := d.place(rr.start)
		d.strings(rr, rawRecord{line: line}, domain, rr.get("Name"), rr.get("Value"), rr.get("Type"))
	case method != "" && !strings.EqualFold(method, "DNS"):
		d.fail(o, s, &InputError{
			Field: "domain", Found: "ValidationMethod " + quoted(method), Expected: "DNS", Kind: ErrNotDNSValidated,
			Message: "the certificate" + forDomain(domain.text) + " is validated by " + plainMethod(method) + ": it has no record in the DNS",
		})
	default:
		d.fail(o, s, pending(0, 0, domain.text))
	}
}

func plainMethod(method string) string {
	switch strings.ToUpper(method) {
	case "EMAIL":
		return "e-mail"
	case "HTTP":
		return "HTTP"
	}
	return quoted(method)
}

// nothing says what a document without any record is.
func (d *document) nothing() {
	e := &InputError{Kind: ErrNoRecord, Expected: `"name" and "value", a certificate of ACM, or Terraform's domain_validation_options`}
	at := d.root
	switch options := find(d.root, "domain_validation_options"); {
	case options.exists():
		at = options
		e.Found, e.Kind = "domain_validation_options without a record", ErrRecordPending
		e.Message = "domain_validation_options has no record: the certificate is not applied yet, or is not validated by DNS"
	case d.root.kind == '[' && len(d.root.items) == 0:
		e.Found = "an empty array"
	case d.root.kind == '[':
		e.Found = "an array whose first element is " + d.root.items[0].describe()
	case len(d.root.members) == 0:
		e.Found = "an empty object"
	default:
		const most = 5
		e.Found = "an object with "
		for i, m := range d.root.members {
			if i == most {
				e.Found += " and others"
				break
			}
			if i > 0 {
				e.Found += ", "
			}
			e.Found += quoted(m.key)
		}
	}
	d.fail(at, Source{}, e)
}

// find looks for a member by its name, at any depth.
func find(v jsonValue, name string) jsonValue {
	if f := v.get(name); f.exists() {
		return f
	}
	for _, m := range v.members {
		if f := find(m.value, name); f.exists() {
			return f
		}
	}
	for _, item := range v.items {
		if f := find(item, name); f.exists() {
			return f
		}
	}
	return jsonValue{}
}

// pending is the error for a domain whose record ACM has not issued yet.
func pending(line, column int, domain string) *InputError {
	return &InputError{
		Line: line, Column: column, Found: "no ResourceRecord", Expected: "one, with Name and Value", Kind: ErrRecordPending,
		Message: "the certificate" + forDomain(domain) + " has no record yet: ACM issues it some seconds after the request, ask again then",
	}
}

// wrongType is the error for a record of another type: ACM's are CNAMEs (ACM API Reference, "ResourceRecord").
func wrongType(line, column int, typ string) *InputError {
	return &InputError{
		Line: line, Column: column, Field: "type", Found: quoted(typ), Expected: "CNAME",
		Message: "type is " + quoted(typ) + ", and the records of ACM are CNAMEs",
	}
}

func forDomain(domain string) string {
	if domain == "" {
		return ""
	}
	return " for " + quoted(domain)
}
