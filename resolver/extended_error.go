package resolver

import "strconv"

// The extended DNS errors that decide something here (RFC 8914, 4).
const (
	EDEStaleAnswer    = 3  // 4.4
	EDEBogus          = 6  // 4.7
	EDEBlocked        = 15 // 4.16
	EDECensored       = 16 // 4.17
	EDEFiltered       = 17 // 4.18
	EDEProhibited     = 18 // 4.19
	EDEStaleNXDomain  = 19 // 4.20
	EDENoReachable    = 22 // 4.23
	EDENetworkError   = 23 // 4.24
	maxRegisteredCode = 30
)

// extendedErrors says in our words what IANA's registry "Extended DNS Error Codes" has (RFC 8914, 5.2; codes from 25 on: RFC
// 9250, 9276, 9824 and the registry's own entries).
var extendedErrors = [maxRegisteredCode + 1]string{
	0:                "another error, which has no number of its own",
	1:                "the zone is signed with algorithms that it does not know",
	2:                "the DS records use digest types that it does not know",
	EDEStaleAnswer:   "an answer past its time, since the name servers could not be asked in time",
	4:                "the answer was forged by its operator, for policy or by law",
	5:                "whether the zone is signed could not be found out",
	EDEBogus:         "it holds the answer for bogus: DNSSEC validation failed",
	7:                "a signature has expired",
	8:                "a signature is not valid yet",
	9:                "a DS record matches no key of the zone",
	10:               "signatures are missing",
	11:               "no key of the zone has the bit that makes it one",
	12:               "the proof that the name is not there is missing",
	13:               "the failure is one that it remembers",
	14:               "it is not ready to answer yet",
	EDEBlocked:       "its operator blocks the name",
	EDECensored:      "its operator must block the name: somebody outside demands it",
	EDEFiltered:      "it filters the name, as its user asked",
	EDEProhibited:    "it does not answer whoever asks from this address",
	EDEStaleNXDomain: "a \"no such name\" past its time, since the name servers could not be asked in time",
	20:               "it was asked as a name server of the zone and is none",
	21:               "it does not support what was asked for",
	EDENoReachable:   "it could reach none of the zone's name servers",
	EDENetworkError:  "it met an error of the network while asking a name server",
	24:               "it has data for the zone that it cannot use",
	25:               "a signature expires before it begins to be valid",
	26:               "the question came too early in the connection for a safe answer",
	27:               "the zone's NSEC3 records ask for more iterations than it supports",
	28:               "its policy does not allow the answer",
	29:               "the answer was made up by its operator's software",
	30:               "the type asked for cannot be asked for",
}

// Meaning says in words what the code means, about whoever answered; "extended error N" for one that is not registered.
// The text that came with it is not part of it.
func (e ExtendedError) Meaning() string {
	if int(e.Code) < len(extendedErrors) {
		return extendedErrors[e.Code]
	}
	return "extended error " + strconv.Itoa(int(e.Code))
}

// HasExtendedError reports whether one of the codes came with the response.
func (r Response) HasExtendedError(codes ...uint16) bool {
	for _, e := range r.ExtendedErrors {
		for _, c := range codes {
			if e.Code == c {
				return true
			}
		}
	}
	return false
}
