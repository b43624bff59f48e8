package validate

import (
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// InScope reports whether owner is one that a change for r in zone may name at all: the record's own name, or one of the
// names at which mistakes are known to put it. Whether the latter holds this record's value is for the caller to see.
func InScope(r Record, zone, owner resolver.Name) bool {
	return owner == r.Name || slices.ContainsFunc(nearNames(r, zone), func(n nearName) bool { return n.Name == owner })
}
