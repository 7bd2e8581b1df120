package queue

import (
	"context"
	"fmt"
	"strconv"
)

// Shares describes the pending tasks by share. The counts are hints: they may be too high until the pending list is empty.
type Shares struct {
	// Number is how many shares have pending tasks. An organization has up to two: for PriorityHead and for everything else.
	Number int
	// Largest is the number of pending tasks of the largest one.
	Largest int
}

// Shares reads the shares. There are few: together they hold some two limits of tasks.
func (l *Lanes) Shares(ctx context.Context) (Shares, error) {
	counts, err := l.redis.HVals(ctx, sharesKey).Result()
	if err != nil {
		return Shares{}, fmt.Errorf("read the shares of the queue: %w", err)
	}
	shares := Shares{Number: len(counts)}
	for _, text := range counts {
		count, _ := strconv.Atoi(text) // Redis keeps integers in this hash
		shares.Largest = max(shares.Largest, count)
	}
	return shares, nil
}
