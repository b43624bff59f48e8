// Package providers makes the change that a report asks for, at whoever hosts the zone, and proves that it is made.
//
// A [Client] is one provider account. [NewPlan] reads what stands there and says what would be changed: a [Plan], which is a
// value to be shown, kept and applied later. [Apply] reads again, stops with [ErrConflict] when anything is not as it was
// planned from, saves what takes the change back, writes, and believes nothing but what it then reads. Any libdns provider
// becomes a Client by [FromLibdns].
//
//	plan, err := providers.NewPlan(ctx, client, report)
//	if err != nil { … }
//	fmt.Print(plan)
//	result, err := providers.Apply(ctx, client, plan)
//
// What is promised: nothing is written that was not read before; only the record's own name is touched, and names where a
// known mistake put this very record; only the record that ACM asks for is created; whatever error or cancellation comes in
// between, the state before can be restored from the [Undo] that was handed out before the first write.
package providers
