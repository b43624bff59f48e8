// Package audit checks very many records and keeps an account of it: one line of output for each, a journal by which a run
// that was killed goes on where it was, what changed since the last run, and a summary in the forms that monitoring and CI
// read.
//
//	checker := &validate.Checker{Lean: true}
//	run := audit.Run{Check: checker.CheckEach, Output: file}
//	summary, err := run.Do(ctx, audit.Items(validate.ParseSources(input), "records.ndjson"))
//
// Memory is bounded however long the input: what is kept is the records in flight, counts by rule and provider, and the
// zones with most to mend. A run ends with the first line of output that cannot be written. Nothing is written but to what
// the caller gives.
package audit
