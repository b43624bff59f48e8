package resolver

// CAA is the RDATA of a certification authority authorization (RFC 8659, 4.1).
type CAA struct {
	Critical bool   // a CA that does not know the tag must not issue
	Tag      string // as it stands there; tags are compared without regard to case
	Value    string // octets, as they stand there
}

// caaCritical is the issuer critical flag (RFC 8659, 4.1: bit 0, which is the highest).
const caaCritical = 0x80

// CAA gives the fields of a CAA record. It is false for another type and where the RDATA is cut short; a tag that is empty
// or holds characters that no tag has is given as it is.
func (r RR) CAA() (CAA, bool) {
	if r.Type != TypeCAA || len(r.RDATA) < 2 {
		return CAA{}, false
	}
	tag := int(r.RDATA[1])
	if len(r.RDATA) < 2+tag {
		return CAA{}, false
	}
	return CAA{Critical: r.RDATA[0]&caaCritical != 0, Tag: r.RDATA[2 : 2+tag], Value: r.RDATA[2+tag:]}, true
}
