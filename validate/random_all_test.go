//go:build !race

package validate_test

// randomChecks is how many random worlds of each kind are drawn: of healthy ones 48 kinds, 10,080 in all.
const randomChecks = "210"
