package queue_test

import (
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"redrive/pkg/queue"
)

// The task's payload is the ID of the delivery. Tasks of other programs are refused.
func ExampleDeliveryID() {
	fmt.Println(queue.DeliveryID(asynq.NewTask(queue.TaskType, []byte("dlv_01M8F2KD3AD683X7JSEWNTG3YP"))))
	_, err := queue.DeliveryID(asynq.NewTask(queue.TaskType, []byte(`{"email": "a@example.com"}`)))
	fmt.Println(err != nil)
	// Output:
	// dlv_01M8F2KD3AD683X7JSEWNTG3YP <nil>
	// true
}

// A lease shows that its worker is alive if its end has moved since it was last read. Comparing it with a clock proves nothing, since the
// clock of the worker's machine may be wrong.
func ExampleLease() {
	first := queue.Lease{DeliveryID: "dlv_01M8F2KD3AD683X7JSEWNTG3YP", Until: time.Date(2026, 1, 1, 12, 0, 30, 0, time.UTC)}
	later := first
	later.Until = first.Until.Add(5 * time.Second)
	fmt.Println("alive:", !later.Until.Equal(first.Until))
	fmt.Println("last extended:", later.Extended().Format(time.TimeOnly))
	// Output:
	// alive: true
	// last extended: 12:00:05
}
