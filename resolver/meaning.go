package resolver

// Meaning is what a response says about its question when it comes from a server that was asked as one of a zone's name
// servers.
type Meaning int

// The meanings. Only the first four are answers a resolver can use.
const (
	// Answers: authoritative data at the name, of the type or an alias (RFC 1034, 4.3.2, 3a).
	Answers Meaning = iota + 1
	// NoSuchName: the name does not exist (NXDOMAIN; RFC 2308, 2.1).
	NoSuchName
	// NoData: the name exists, or may, and has nothing of the type (RFC 2308, 2.2).
	NoData
	// Refers: a referral to a zone cut between the zone and the name (RFC 1034, 4.3.2, 3b).
	Refers
	// Lame: the server does not serve the zone: REFUSED, NOTAUTH, no AA, or a referral up or sideways.
	Lame
	// Fails: SERVFAIL and other codes that may pass by themselves, or records of other names only.
	Fails
)

// String gives the meaning in a word or two.
func (m Meaning) String() string {
	switch m {
	case Answers:
		return "answer"
	case NoSuchName:
		return "no such name"
	case NoData:
		return "no such data"
	case Refers:
		return "referral"
	case Lame:
		return "lame"
	case Fails:
		return "failure"
	}
	return "unknown"
}

// Usable reports whether a resolver could go on with it.
func (m Meaning) Usable() bool { return m >= Answers && m <= Refers }

// Means says what the response means from a server that was asked as a name server of zone.
func (r Response) Means(zone Name) Meaning {
	q := r.Question
	switch r.RCode {
	case NoError, NXDomain:
	case Refused, NotAuth:
		return Lame
	default: // whatever else is in it: no resolver reads an answer under SERVFAIL
		return Fails
	}
	atName := len(r.Answer) == 0
	for _, rr := range r.Answer {
		atName = atName || rr.Name == q.Name
		if rr.Name == q.Name && (rr.Type == q.Type || rr.Type == TypeCNAME || q.Type == TypeANY) {
			if !r.Authoritative {
				return Lame // a resolver answering from its cache, or a copy that knows it is out of date
			}
			return Answers
		}
	}
	if !atName {
		return Fails // it answers, and about other names: neither the data nor a denial (RFC 1034, 5.3.3, 4: "bizarre contents")
	}
	if child, ok := r.refersTo(); ok && r.RCode == NoError {
		switch {
		case child.Below(zone) && q.Name.Within(child):
			return Refers // also where a server sets AA on it by mistake
		case !r.Authoritative:
			return Lame
		}
	}
	if !r.Authoritative {
		return Lame
	}
	if r.RCode == NXDomain {
		return NoSuchName
	}
	return NoData
}

// refersTo gives the owner of the NS records in the authority section of a response without SOA.
func (r Response) refersTo() (Name, bool) {
	var child Name
	for _, rr := range r.Authority {
		switch rr.Type {
		case TypeSOA:
			return Name{}, false
		case TypeNS:
			if child.IsZero() || rr.Name.Below(child) {
				child = rr.Name
			}
		}
	}
	return child, !child.IsZero()
}
