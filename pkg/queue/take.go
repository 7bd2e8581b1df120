package queue

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"redrive/pkg/queue/internal/keys"
	"redrive/pkg/webhook"
)

//go:embed take.lua
var takeSource string

var takeScript = redis.NewScript(takeSource)

// Candidate is a delivery in backlog that a dispatcher requests.
type Candidate struct {
	Lane     webhook.Lane
	Position webhook.Position
	// Late ignores the lane's cursor: the delivery was committed after the cursor had passed its position.
	Late bool
}

// Taken is an active task that belongs to the caller. asynq extends its lease only once a worker has it.
type Taken struct {
	DeliveryID string
	Message    string // as asynq encodes it
	Lane       webhook.Lane
	// Since is when the task became pending, by the clock of the process that made it so, or when the claimed delivery was due. It is
	// zero if that is not known.
	Since time.Time
}

// Fate is the result of a Take for one candidate.
type Fate int

// The fates of a candidate.
const (
	Claimed   Fate = 1  // it is among the tasks
	HasTask   Fate = 0  // it is queued or active
	Passed    Fate = -1 // the cursor is at or after it: another dispatcher has moved it, or the call was repeated
	NoBacklog Fate = -2 // its lane is not in backlog any more
)

// idleFor is the expiry of the key that marks a dispatcher as waiting for a notification. It is longer than a dispatcher waits.
const idleFor = 10 * time.Second

// Take dequeues up to n tasks: pending ones, and candidates in their order. It returns the fate of each candidate that it reached. A paused
// queue returns no task. When Take returns fewer than n tasks, the next enqueue sends a notification; see Notifications.
func (l *Lanes) Take(ctx context.Context, queue string, n int, candidates []Candidate) (Taking, error) {
	k := keys.Of(queue)
	organizations := map[string]struct{}{}
	args := make([]any, 6, 6+4*len(candidates))
	for _, c := range candidates {
		message, err := encodeTask(ctx, c.Position.DeliveryID, queue)
		if err != nil {
			return Taking{}, err
		}
		position := encodePosition(c.Position)
		if c.Late {
			position = ""
		}
		organizations[c.Lane.OrganizationID] = struct{}{}
		args = append(args, encodeLane(c.Lane), position, c.Position.DeliveryID, message)
	}
	args[0], args[1], args[2] = n, time.Now().Add(LeaseDuration).Unix(), k.Task("")
	args[3], args[4], args[5] = len(organizations), int(idleFor.Seconds()), l.name
	reply, err := takeScript.Run(ctx, l.redis, []string{
		k.Pending, k.Paused, k.Active, k.Lease, lanesKey, sharesKey, laterKey, idleKey, totalKey, k.Scheduled, k.Retry,
	}, args...).Slice()
	if err != nil {
		return Taking{}, fmt.Errorf("take tasks: %w", err)
	}
	return l.readTaken(reply)
}

// Taking is the result of one Take.
type Taking struct {
	Tasks []Taken
	Fates []Fate // of the candidates that Take reached
	Added int64  // the value of totalKey; 0 while the queue is paused
	// Peers reports whether another dispatcher waits for notifications as well.
	Peers Peers
	// Later is when the first scheduled or retry task is due, in the far future without one. It is zero if there may be more to take.
	Later time.Time
}

// Peers is the state of other dispatchers at a Take.
type Peers int

// The values of Peers.
const (
	PeersUnknown Peers = iota // none has waited lately, this one included
	NoPeers                   // this one was the last that waited
	OtherPeers                // another one was the last that waited
)

func (l *Lanes) readTaken(reply []any) (Taking, error) {
	if len(reply) != 5 {
		return Taking{}, fmt.Errorf("take tasks: the script returned %d values", len(reply))
	}
	tasks, _ := reply[0].([]any)
	fates, _ := reply[1].([]any)
	added, _ := reply[2].(int64)
	waited, _ := reply[3].(string)
	later, _ := reply[4].(int64)
	taking := Taking{Tasks: make([]Taken, 0, len(tasks)), Fates: make([]Fate, 0, len(fates)), Added: added, Peers: l.peers(waited)}
	if later > 0 {
		taking.Later = time.Unix(later, 0)
	}
	for _, task := range tasks {
		read, err := readTask(task)
		if err != nil {
			return Taking{}, err
		}
		taking.Tasks = append(taking.Tasks, read)
	}
	for _, fate := range fates {
		number, _ := fate.(int64)
		taking.Fates = append(taking.Fates, Fate(number))
	}
	return taking, nil
}

func readTask(value any) (Taken, error) {
	fields, _ := value.([]any)
	if len(fields) != 4 {
		return Taken{}, fmt.Errorf("take tasks: a task has %d fields", len(fields))
	}
	id, _ := fields[0].(string)
	message, _ := fields[1].(string)
	text, _ := fields[2].(string)
	since, _ := fields[3].(string)
	lane, _ := parseLane(text) // tasks that an operator made have none
	taken := Taken{DeliveryID: id, Message: message, Lane: lane}
	if nanoseconds, err := strconv.ParseInt(since, 10, 64); err == nil {
		taken.Since = time.Unix(0, nanoseconds)
	}
	return taken, nil
}

// peers returns the value for the name of the dispatcher that waited last.
func (l *Lanes) peers(waited string) Peers {
	switch waited {
	case "":
		return PeersUnknown
	case l.name:
		return NoPeers
	}
	return OtherPeers
}

// handBackScript makes an active task pending again, in front of all others, as asynq 0.26 does (internal/rdb, requeueCmd).
// KEYS: active, lease, pending, idle. ARGV: channel, prefix of task hashes, IDs.
var handBackScript = redis.NewScript(`
for i = 3, #ARGV do
	if redis.call("LREM", KEYS[1], 0, ARGV[i]) > 0 then
		redis.call("ZREM", KEYS[2], ARGV[i])
		redis.call("RPUSH", KEYS[3], ARGV[i])
		redis.call("HSET", ARGV[2] .. ARGV[i], "state", "pending")
	end
end
if redis.call("DEL", KEYS[4]) == 1 then
	redis.call("PUBLISH", ARGV[1], "1")
end
return 0`)

// HandBack makes tasks pending again that were taken and not begun.
func (l *Lanes) HandBack(ctx context.Context, queue string, taken []Taken) error {
	if len(taken) == 0 {
		return nil
	}
	k := keys.Of(queue)
	args := []any{wakeChannel, k.Task("")}
	for _, t := range taken {
		args = append(args, t.DeliveryID)
	}
	err := handBackScript.Run(ctx, l.redis, []string{k.Active, k.Lease, k.Pending, idleKey}, args...).Err()
	if err != nil {
		return fmt.Errorf("hand tasks back: %w", err)
	}
	return nil
}

// withoutTaskScript returns those of the IDs that have no task. KEYS: any key in the slot. ARGV: prefix of task hashes, IDs.
var withoutTaskScript = redis.NewScript(`
local missing = {}
for i = 2, #ARGV do
	if redis.call("EXISTS", ARGV[1] .. ARGV[i]) == 0 then
		missing[#missing + 1] = ARGV[i]
	end
end
return missing`)

// WithoutTask returns those of the deliveries that have no task, in their order.
func (l *Lanes) WithoutTask(ctx context.Context, queue string, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := []any{keys.Of(queue).Task("")}
	for _, id := range ids {
		args = append(args, id)
	}
	missing, err := withoutTaskScript.Run(ctx, l.redis, []string{lanesKey}, args...).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("look for tasks: %w", err)
	}
	return missing, nil
}

// encoder lets asynq encode a task message without sending it.
type encoder struct{ redis.UniversalClient }

type encodedKey struct{}

// SAdd does nothing: asynq announces the queue once.
func (encoder) SAdd(ctx context.Context, _ string, _ ...any) *redis.IntCmd {
	return redis.NewIntCmd(ctx)
}

// EvalSha keeps the message, which is the first argument of the script that enqueues a task.
func (encoder) EvalSha(ctx context.Context, _ string, _ []string, args ...any) *redis.Cmd {
	cmd := redis.NewCmd(ctx)
	if message, ok := args[0].([]byte); ok {
		*ctx.Value(encodedKey{}).(*[]byte) = message //nolint:forcetypeassert // encodeTask put it there
	}
	cmd.SetVal(int64(1))
	return cmd
}

var encoding = asynq.NewClientFromRedisClient(encoder{})

// encodeTask returns the message of a delivery's task as asynq keeps it.
func encodeTask(ctx context.Context, deliveryID, queue string) ([]byte, error) {
	var message []byte
	_, err := encoding.EnqueueContext(context.WithValue(ctx, encodedKey{}, &message), newTask(ctx, deliveryID, queue))
	if err != nil {
		return nil, fmt.Errorf("encode the task of delivery %s: %w", deliveryID, err)
	}
	return message, nil
}
