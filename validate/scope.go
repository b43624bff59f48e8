package validate

import (
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// InScope reports whether owner is one that a change for r in zone may name at all: the record's own name, or one of the
// names at which mistakes are known to put it. Whether such a name holds this record is for [MisplacedCopy] to say.
func InScope(r Record, zone, owner resolver.Name) bool {
	return owner == r.Name || slices.ContainsFunc(nearNames(r, zone), func(n nearName) bool { return n.Name == owner })
}

// MisplacedCopy reports whether a CNAME at owner with this target is r, put there by a known mistake: the target is the
// record's value, as ACM accepts it or with a suffix appended, or the record's name where the two were exchanged. Anything
// else at such a name is somebody else's.
func MisplacedCopy(r Record, zone, owner, target resolver.Name) bool {
	return slices.ContainsFunc(nearNames(r, zone), func(n nearName) bool { return n.Name == owner && n.placed(r, zone, target) })
}

// placed reports whether target at a near name shows that it is this record.
func (n nearName) placed(r Record, zone, target resolver.Name) bool {
	if n.Kind == nearSwapped {
		return slices.Contains(nameTargets(r, zone), target)
	}
	_, doubled := doubledValue(r, zone, target)
	return doubled || r.Accepts(target)
}

// nameTargets lists what the record's name becomes when it is typed as a value.
func nameTargets(r Record, zone resolver.Name) []resolver.Name {
	out := []resolver.Name{r.Name}
	if n, ok := r.Name.Under(zone); ok {
		out = append(out, n)
	}
	for _, parent := range []resolver.Name{resolver.Root, zone} {
		if n, ok := parent.Child(r.Token()); ok {
			out = append(out, n)
		}
	}
	return out
}

// doubledValue reports whether target is an accepted value with the zone, the domain or an ancestor of the name inside the
// zone appended, once or twice, and which.
func doubledValue(r Record, zone, target resolver.Name) (suffix resolver.Name, ok bool) {
	for s := r.Name; s.Within(zone); s = s.Parent() {
		rest := target
		for range 2 {
			head, below := rest.TrimSuffix(s)
			if !below {
				break
			}
			if r.Accepts(head) {
				return s, true
			}
			rest = head
		}
	}
	return resolver.Name{}, false
}

// appendedTo reports whether target is some value of ACM, or what a paste made of the record's own, with the zone, the domain or
// an ancestor of the name inside the zone appended, and which.
func appendedTo(r Record, zone, target resolver.Name) (head, suffix resolver.Name, ok bool) {
	for s := r.Name; s.Within(zone); s = s.Parent() {
		rest, below := target.TrimSuffix(s)
		if !below {
			continue
		}
		if _, sure, pasted := mangled(r, rest); ofACM(rest) || pasted && sure == Certain {
			return rest, s, true
		}
	}
	return resolver.Name{}, resolver.Name{}, false
}
