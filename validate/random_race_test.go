//go:build race

package validate_test

// The race detector looks at how the checker runs, which fewer worlds show as well; each costs some ten times as much.
const randomChecks = "21"
