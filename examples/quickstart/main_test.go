package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

// In place of the real DNS a small internet is asked, in which the domain was appended to the name.
func Example_diagnose() {
	internet := resolvertest.MustParse(`
$ORIGIN example.com.
_a79865eb4cd1a6ab990a45779b4e0b96.example.com.example.com. CNAME _424c7224e9b0146f9a8808af955727d0.acm-validations.aws.
`)
	roots, err := resolver.ParseHints(strings.NewReader(internet.Hints()))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = diagnose(context.Background(), &validate.Checker{Resolver: internet, Roots: roots},
		"_a79865eb4cd1a6ab990a45779b4e0b96.example.com.", "_424c7224e9b0146f9a8808af955727d0.acm-validations.aws.")
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// invalid
	// name-doubled - the record is at _a79865eb4cd1a6ab990a45779b4e0b96.example.com.example.com.: the zone's name is in it twice
	// record-missing - the record is missing: the name servers of example.com. say of _a79865eb4cd1a6ab990a45779b4e0b96.example.com. that it does not exist
}
