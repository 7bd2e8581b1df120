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

// call is one script of a pipeline, for one script of a caller or for several that end tasks.
type call struct {
	of    []int // the indexes of the callers' scripts
	reply *redis.Cmd
	script
}

// calls returns the scripts of a pipeline. Scripts that end tasks on the same day become one.
func calls(scripts []script, remaining []int) []*call {
	var list []*call
	ending := map[string]*call{} // by the key of the day
	for _, i := range remaining {
		s := scripts[i]
		if !isDone(s) {
			list = append(list, &call{of: []int{i}, script: s})
			continue
		}
		day := s.keys[3]
		if known := ending[day]; known != nil {
			known.of = append(known.of, i)
			continue
		}
		ending[day] = &call{of: []int{i}, script: s}
		list = append(list, ending[day])
	}
	for _, c := range ending {
		if len(c.of) > 1 {
			c.script = merged(scripts, c.of)
		}
	}
	return list
}

// isDone reports by its keys whether a script is the one with which asynq 0.26 ends a task that was not unique (internal/rdb, doneCmd).
func isDone(s script) bool {
	return len(s.keys) == 5 && len(s.arguments) == 3 && keys.IsActive(s.keys[0]) && keys.IsTask(s.keys[2])
}

// merged returns one script for several that end tasks.
func merged(scripts []script, of []int) script {
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
func (c *call) answer(ctx context.Context, client redis.Scripter, replies []*redis.Cmd) {
	if len(c.of) == 1 {
		replies[c.of[0]] = c.reply
		return
	}
	if redis.HasErrorPrefix(c.reply.Err(), "NOSCRIPT") {
		c.reply = doneScript.Eval(ctx, client, c.keys, c.arguments...)
	}
	ended, err := c.reply.Int64Slice()
	for place, i := range c.of {
		replies[i] = redis.NewCmd(ctx)
		switch {
		case err != nil:
			replies[i].SetErr(err)
		case place >= len(ended) || ended[place] == 0:
			replies[i].SetErr(errNotActive)
		default:
			replies[i].SetVal("OK")
		}
	}
}
