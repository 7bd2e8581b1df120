package groupcommit_test

import (
	"context"
	"fmt"

	"redrive/pkg/groupcommit"
)

// A Group is made once, with the function that writes a batch, and used by many goroutines.
func ExampleGroup_Do() {
	insert := func(_ context.Context, names []string) ([]int, []error) {
		ids, failures := make([]int, len(names)), make([]error, len(names))
		for i, name := range names { // a real Write would insert all rows with one statement
			if name == "" {
				failures[i] = fmt.Errorf("the name is empty")
				continue
			}
			ids[i] = len(name)
		}
		return ids, failures
	}
	group := groupcommit.New(insert, groupcommit.Options{MaxBatch: 100})
	defer group.Close()

	fmt.Println(group.Do(context.Background(), "endpoint"))
	fmt.Println(group.Do(context.Background(), ""))
	// Output:
	// 8 <nil>
	// 0 the name is empty
}
