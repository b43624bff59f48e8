package providers_test

import (
	"context"
	"fmt"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
)

// A libdns provider, the one of the tests here, mends the record that a report found one zone too deep.
func Example() {
	ctx := context.Background()
	provider := &providertest.MemoryLibdns{Apex: apex}
	_ = provider.Seed("_a79865eb4cd1a6ab990a45779b4e0b96.example.com.example.com. 3600 IN CNAME _424c7224e9b0146f9a8808af955727d0.acm-validations.aws.")

	client := providers.FromLibdns(provider, providers.Quirks{Name: "some host"})
	plan, err := providers.NewPlan(ctx, client, moveReport())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range plan.Steps() {
		fmt.Println(s.Name, s.From.Values, "->", s.To.Values)
	}
	result, err := providers.Apply(ctx, client, plan)
	fmt.Println(len(result.Done), "done, undo data:", !result.Undo.Empty(), err)
	// Output:
	// _a79865eb4cd1a6ab990a45779b4e0b96.example.com. [] -> [_424c7224e9b0146f9a8808af955727d0.acm-validations.aws.]
	// _a79865eb4cd1a6ab990a45779b4e0b96.example.com.example.com. [_424c7224e9b0146f9a8808af955727d0.acm-validations.aws.] -> []
	// 2 done, undo data: true <nil>
}
