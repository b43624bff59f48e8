package dnssec

import "github.com/acmdoctor/acmdoctor/resolver"

// nsec is an NSEC record (RFC 4034, 4).
type nsec struct {
	owner, next resolver.Name
	types       types
}

func parseNSEC(rr resolver.RR) (nsec, bool) {
	next, used, err := resolver.NameFromWire([]byte(rr.RDATA))
	if err != nil {
		return nsec{}, false
	}
	return nsec{rr.Name, next, types(rr.RDATA[used:])}, true
}

// covers reports whether a name of the zone lies strictly between owner and next. The next of the last record is the apex,
// in front of which there is nothing.
func (n nsec) covers(name resolver.Name) bool {
	return n.owner.Compare(name) < 0 && (name.Compare(n.next) < 0 || n.next.Compare(n.owner) <= 0)
}

// encloser gives the closest name above a covered one that exists, as the record shows it: what the name shares with one
// of the two that it lies between.
func (n nsec) encloser(name resolver.Name) resolver.Name {
	e := name.Parent()
	for !n.owner.Within(e) && !n.next.Within(e) {
		e = e.Parent()
	}
	return e
}

func (d denials) at(name resolver.Name) (nsec, bool) {
	for _, n := range d.nsec {
		if n.owner == name {
			return n, true
		}
	}
	return nsec{}, false
}

// around gives the record that covers a name of the zone.
func (d denials) around(name resolver.Name) (nsec, bool) {
	for _, n := range d.nsec {
		if n.covers(name) && n.next.Within(d.zone) && !(name.Below(n.owner) && n.types.closes()) {
			return n, true
		}
	}
	return nsec{}, false
}

func (d denials) noNameNSEC(name resolver.Name) Code {
	if n, ok := d.at(name); ok {
		if n.types.has(typeNXNAME) {
			return ""
		}
		return DenialWrong
	}
	n, ok := d.around(name)
	if !ok || n.next.Below(name) {
		return DenialWrong // not covered, or an empty non-terminal, which exists
	}
	wildcard, ok := n.encloser(name).Child("*")
	if !ok {
		return ""
	}
	if _, ok = d.around(wildcard); !ok {
		return DenialWrong
	}
	return ""
}

func (d denials) noDataNSEC(name resolver.Name, t resolver.Type) (wildcard resolver.Name, absent bool, code Code) {
	if n, ok := d.at(name); ok {
		if !n.types.denies(name, t) {
			return resolver.Name{}, false, DenialWrong
		}
		return resolver.Name{}, n.types.has(typeNXNAME), ""
	}
	n, ok := d.around(name)
	if !ok {
		return resolver.Name{}, false, DenialWrong
	}
	if n.next.Below(name) {
		return resolver.Name{}, false, "" // an empty non-terminal has no records
	}
	wildcard, ok = n.encloser(name).Child("*")
	if !ok {
		return resolver.Name{}, false, DenialWrong
	}
	if w, ok := d.at(wildcard); !ok || !w.types.denies(wildcard, t) {
		return resolver.Name{}, false, DenialWrong
	}
	return wildcard, false, ""
}

func (d denials) noDSNSEC(name resolver.Name) Code {
	if n, ok := d.at(name); ok {
		return noDSAt(n.types)
	}
	if _, ok := d.around(name); ok {
		return CutUnknown
	}
	return DenialWrong
}

func (d denials) noCloserNSEC(name resolver.Name, labels int) Code {
	n, ok := d.around(name)
	if !ok || n.next.Below(name) || n.encloser(name).NumLabels() > labels {
		return DenialWrong
	}
	return ""
}
