package queue

import (
	"context"
	_ "embed"
	"errors"

	"github.com/redis/go-redis/v9"

	"redrive/pkg/queue/internal/keys"
)

//go:embed done.lua
var doneSource string

// doneScript ends several tasks. One script for many costs Redis and its client about half as much as one for each.
var doneScript = redis.NewScript(doneSource)

// errNotActive is what asynq's own script returns for a task that is not active.
var errNotActive = errors.New("NOT FOUND")

// call is one script of a pipeline, for one script of a caller or for several of the same kind.
type call struct {
	of    []int // the indexes of the callers' scripts
	kind  *kind // of several
	reply *redis.Cmd
	script
}

// kind is a kind of scripts of which several can be merged into one.
type kind struct {
	script *redis.Script // the merged one. It returns size numbers for each.
	size   func(script) int
	merge  func(scripts []script, of []int) script
	answer func(numbers []int64, reply *redis.Cmd) // sets the reply of one
}

// kindOf returns the kind of a script, and what must be the same in those that are merged. It returns nil for one that runs alone.
func kindOf(s script) (k *kind, same string) {
	switch {
	case isDone(s):
		return &ending, s.keys[3] // the day
	case s.sha == enqueueScript.Hash():
		return &enqueueing, s.keys[1] // the queue
	}
	return nil, ""
}

// calls returns the scripts of a pipeline, in the order of their first callers.
func calls(scripts []script, remaining []int) []*call {
	type group struct {
		kind *kind
		same string
	}
	var list []*call
	known := map[group]*call{}
	for _, i := range remaining {
		k, same := kindOf(scripts[i])
		if of := known[group{k, same}]; k != nil && of != nil {
			of.of = append(of.of, i)
			continue
		}
		c := &call{of: []int{i}, kind: k, script: scripts[i]}
		known[group{k, same}] = c
		list = append(list, c)
	}
	for _, c := range list {
		if len(c.of) > 1 {
			c.script = c.kind.merge(scripts, c.of)
		}
	}
	return list
}

// ending merges the scripts with which asynq ends tasks, of the same day.
var ending = kind{
	script: doneScript, size: func(script) int { return 1 }, merge: mergedEndings,
	answer: func(numbers []int64, reply *redis.Cmd) {
		if numbers[0] == 0 {
			reply.SetErr(errNotActive)
			return
		}
		reply.SetVal("OK")
	},
}

// isDone reports by its keys whether a script is the one with which asynq 0.26 ends a task that was not unique (internal/rdb, doneCmd).
func isDone(s script) bool {
	return len(s.keys) == 5 && len(s.arguments) == 3 && keys.IsActive(s.keys[0]) && keys.IsTask(s.keys[2])
}

// mergedEndings returns one script for several that end tasks.
func mergedEndings(scripts []script, of []int) script {
	first := scripts[of[0]]
	m := script{
		sha: doneScript.Hash(), keys: []string{first.keys[0], first.keys[1], first.keys[3], first.keys[4]},
		arguments: []any{first.arguments[1], first.arguments[2]},
	}
	for _, i := range of {
		m.keys = append(m.keys, scripts[i].keys[2])
		m.arguments = append(m.arguments, scripts[i].arguments[0])
	}
	return m
}

// answer gives each caller its reply. A merged script that Redis does not have is sent again with its source.
func (c *call) answer(ctx context.Context, client redis.Scripter, scripts []script, replies []*redis.Cmd) {
	if len(c.of) == 1 {
		replies[c.of[0]] = c.reply
		return
	}
	if redis.HasErrorPrefix(c.reply.Err(), "NOSCRIPT") {
		c.reply = c.kind.script.Eval(ctx, client, c.keys, c.arguments...)
	}
	numbers, err := c.reply.Int64Slice()
	for _, i := range c.of {
		size := c.kind.size(scripts[i])
		replies[i] = redis.NewCmd(ctx)
		if err == nil && len(numbers) < size {
			err = errShortReply
		}
		if err != nil {
			replies[i].SetErr(err)
			continue
		}
		c.kind.answer(numbers[:size], replies[i])
		numbers = numbers[size:]
	}
}

// errShortReply says that a merged script has returned fewer numbers than it must.
var errShortReply = errors.New("a script has returned too few values")
