package store

import "redrive/pkg/webhook"

// each calls do for every item. The results and the errors are in the order of the items.
func each[T, R any](items []T, do func(T) (R, error)) ([]R, []error) {
	results, failures := make([]R, len(items)), make([]error, len(items))
	for i, item := range items {
		results[i], failures[i] = do(item)
	}
	return results, failures
}

// refusesOne reports whether the error of a statement that wrote several items may be the fault of one of them. The items then have to
// be written one by one. An unavailable database would not take the single items either.
func refusesOne(err error, items int) bool {
	return err != nil && items > 1 && webhook.CodeOf(err) != webhook.CodeUnavailable
}
