package model_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"redrive/pkg/queue"
)

// tasks is a queue in memory that behaves like asynq's and can be emptied.
type tasks struct {
	mutex  sync.Mutex // the reconciler enqueues several deliveries concurrently
	byID   map[string]*task
	intact bool
	// alive reports whether the process of the worker that has the task runs.
	alive func(id string) bool
}

type taskState int

const (
	pending taskState = iota
	sleeping
	active
	archived
)

type task struct {
	state taskState
	at    time.Time // when a sleeping task wakes
}

func (q *tasks) flush() { q.byID, q.intact = map[string]*task{}, false }

// ready returns the tasks that a worker could dequeue now.
func (q *tasks) ready(now time.Time) []string {
	var ids []string
	for id, t := range q.byID {
		if t.state == pending || t.state == sleeping && !t.at.After(now) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// ack removes or reschedules a task whose run has ended. Like asynq, it finds the task by its ID, so after a flush it may affect another
// run's task.
func (q *tasks) ack(id string, move func(*task)) {
	if t, found := q.byID[id]; found && t.state == active {
		move(t)
	}
}

func (q *tasks) Enqueue(_ context.Context, item queue.Item) (queue.Placement, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	t, found := q.byID[item.DeliveryID]
	switch {
	case !found:
		q.byID[item.DeliveryID] = newTask(item.DueAt)
		return queue.Queued, nil
	case t.state == active:
		return queue.Active, nil
	case t.state == archived || t.state == sleeping && q.late(item, t):
		t.state = pending
		return queue.Woken, nil
	}
	return queue.AlreadyQueued, nil
}

func newTask(dueAt time.Time) *task {
	if dueAt.After(time.Now()) {
		return &task{state: sleeping, at: dueAt}
	}
	return &task{}
}

func (q *tasks) late(item queue.Item, t *task) bool {
	due := item.DueAt
	if now := time.Now(); due.Before(now) {
		due = now
	}
	return t.at.After(due.Add(90 * time.Second))
}

func (q *tasks) LookUp(_ context.Context, items []queue.Item, _ func(queue.Item) bool) ([]queue.TaskState, error) {
	sights := make([]queue.TaskState, len(items))
	for i, item := range items {
		t, found := q.byID[item.DeliveryID]
		switch {
		case !found:
			sights[i] = queue.Missing
		case t.state == archived:
			sights[i] = queue.Ended
		case t.state == active && q.alive(item.DeliveryID):
			sights[i] = queue.Running
		case t.state == active:
			delete(q.byID, item.DeliveryID)
			sights[i] = queue.Orphan
		case t.state == sleeping && q.late(item, t):
			sights[i] = queue.Late
		default:
			sights[i] = queue.Waiting
		}
	}
	return sights, nil
}

func (q *tasks) TrimArchive(context.Context, string) (int, error) { return 0, nil }
func (q *tasks) RegisterQueues(context.Context, ...string) error  { return nil }
func (q *tasks) Intact(context.Context) (bool, error)             { return q.intact, nil }
func (q *tasks) BeginRebuild(context.Context) (string, error)     { return "token", nil }
func (q *tasks) RenewRebuild(context.Context, string) error       { return nil }
func (q *tasks) MarkIntact(context.Context, string) error         { q.intact = true; return nil }
