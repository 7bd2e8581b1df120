package sender

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

const ok = "HTTP/1.1 200 OK\r\n"

// Whatever a receiver does, an attempt comes to a plain result in time, and the next one is served as if nothing had been.
func TestHostileReceivers(t *testing.T) {
	t.Parallel()
	const (
		timedOut  = "no answer within"
		closed    = "closed the connection before it answered"
		wasReset  = "reset the connection before it answered"
		invalid   = "not valid HTTP"
		tooLarge  = "more than 16384 bytes of headers"
		kilobyte  = 1 << 10
		pause     = 20 * time.Millisecond
		switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	)
	for name, c := range map[string]struct {
		script  func(*peer)
		failure string // what it must contain; empty when there is an answer
		status  int
		body    string // how the body begins
		cut     bool
	}{
		"upgrade":                   {script: func(p *peer) { p.request(); p.say(switching); p.drip("x", pause) }, status: 101},
		"upgrade, then silence":     {script: func(p *peer) { p.request(); p.say(switching); p.silence() }, status: 101},
		"closed at once":            {script: func(*peer) {}, failure: "before it answered"},
		"reset at once":             {script: func(p *peer) { p.reset() }, failure: "before it answered"},
		"reset before the headers":  {script: func(p *peer) { p.request(); p.reset() }, failure: wasReset},
		"closed before the headers": {script: answered(""), failure: closed},
		"reset amid the headers":    {script: func(p *peer) { p.request(); p.say(ok + "X-A: 1\r\n"); p.reset() }, failure: "before it answered"},
		"closed amid the headers":   {script: answered(ok + "X-A: 1\r\n"), failure: closed},
		"closed amid the status":    {script: answered("HTTP/1.1 2"), failure: invalid},
		"reset after the headers":   {script: func(p *peer) { p.request(); p.say(ok + "Content-Length: 9\r\n\r\nabc"); p.reset() }, status: 200, cut: true},
		"closed after the headers":  {script: answered(ok + "Content-Length: 9\r\n\r\nabc"), status: 200, body: "abc", cut: true},
		"closed amid a chunk":       {script: answered(ok + "Transfer-Encoding: chunked\r\n\r\n9\r\nabc"), status: 200, body: "abc", cut: true},
		"silence":                   {script: func(p *peer) { p.request(); p.silence() }, failure: timedOut},
		"silence without reading":   {script: func(p *peer) { <-p.gone }, failure: timedOut},
		"silence after the headers": {script: func(p *peer) { p.request(); p.say(ok + "Content-Length: 9\r\n\r\nab"); p.silence() }, status: 200, body: "ab", cut: true},
		"dripping status line":      {script: func(p *peer) { p.request(); p.drip("H", pause) }, failure: timedOut},
		"dripping headers":          {script: func(p *peer) { p.request(); p.say(ok); p.drip("X-A: 1\r\n", pause) }, failure: timedOut},
		"dripping body":             {script: func(p *peer) { p.request(); p.say(ok + "\r\n"); p.drip("x", pause) }, status: 200, body: "xx", cut: true},
		"endless body":              {script: func(p *peer) { p.request(); p.say(ok + "\r\n"); p.drip(strings.Repeat("x", kilobyte), 0) }, status: 200, body: "xx", cut: true},
		"endless chunks":            {script: func(p *peer) { p.request(); p.say(ok + "Transfer-Encoding: chunked\r\n\r\n"); p.drip("1\r\nx\r\n", 0) }, status: 200, body: "x", cut: true},
		"endless chunk extension":   {script: func(p *peer) { p.request(); p.say(ok + "Transfer-Encoding: chunked\r\n\r\n1;"); p.drip("xxxx", 0) }, status: 200, cut: true},
		"endless trailers": {script: func(p *peer) {
			p.request()
			p.say(ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n")
			p.drip("X-A: 1\r\n", 0)
		}, status: 200, cut: true},
		"endless status line":          {script: func(p *peer) { p.request(); p.drip(strings.Repeat("H", kilobyte), 0) }, failure: tooLarge},
		"endless header":               {script: func(p *peer) { p.request(); p.say(ok + "X-A: "); p.drip(strings.Repeat("x", kilobyte), 0) }, failure: tooLarge},
		"flood of headers":             {script: func(p *peer) { p.request(); p.say(ok); p.drip("X-A: 1\r\n", 0) }, failure: tooLarge},
		"flood of cookies":             {script: answered(ok + headers(200, "Set-Cookie", strings.Repeat("c", 100)) + "\r\n"), failure: tooLarge},
		"flood of 1xx":                 {script: func(p *peer) { p.request(); p.drip("HTTP/1.1 103 Early Hints\r\nX-A: 1\r\n\r\n", 0) }, failure: tooLarge},
		"flood of bare 1xx":            {script: func(p *peer) { p.request(); p.drip("HTTP/1.1 100 Continue\r\n\r\n", 0) }, failure: tooLarge},
		"1xx, then the answer":         {script: answered("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"), status: 204},
		"status 0":                     {script: answered("HTTP/1.1 000 None\r\n\r\n"), failure: invalid},
		"status 99":                    {script: answered("HTTP/1.1 099 Low\r\n\r\n"), failure: invalid},
		"status 600":                   {script: answered("HTTP/1.1 600 High\r\n\r\nabc"), status: 600, body: "abc"},
		"status 999":                   {script: answered("HTTP/1.1 999 Highest\r\n\r\nabc"), status: 999, body: "abc"},
		"status of two digits":         {script: answered("HTTP/1.1 20 OK\r\n\r\n"), failure: invalid},
		"status of four digits":        {script: answered("HTTP/1.1 2000 OK\r\n\r\n"), failure: invalid},
		"status with a sign":           {script: answered("HTTP/1.1 -20 OK\r\n\r\n"), failure: invalid},
		"status with a plus":           {script: answered("HTTP/1.1 +20 OK\r\n\r\n"), failure: invalid},
		"no status":                    {script: answered("HTTP/1.1\r\n\r\n"), failure: invalid},
		"not HTTP":                     {script: answered("SSH-2.0-OpenSSH_9.9\r\n"), failure: invalid},
		"bytes":                        {script: answered("\x00\xff\x00\xff\r\n\r\n"), failure: invalid},
		"HTTP of another kind":         {script: answered("HTTP/x.y 200 OK\r\n\r\n"), failure: invalid},
		"header without a colon":       {script: answered(ok + "nonsense\r\n\r\n"), failure: invalid},
		"header name with a space":     {script: answered(ok + "X A: 1\r\n\r\n"), status: 200},
		"header name of bytes":         {script: answered(ok + "X\xff\x00: 1\r\n\r\n"), failure: invalid},
		"NUL in a header":              {script: answered(ok + "X-A: a\x00b\r\n\r\n"), failure: invalid},
		"two lengths":                  {script: answered(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), failure: invalid},
		"negative length":              {script: answered(ok + "Content-Length: -1\r\n\r\nab"), failure: invalid},
		"length that is no number":     {script: answered(ok + "Content-Length: many\r\n\r\nab"), failure: invalid},
		"unknown transfer encoding":    {script: answered(ok + "Transfer-Encoding: smoke\r\n\r\nab"), failure: invalid},
		"length too short":             {script: answered(ok + "Content-Length: 1\r\n\r\nab"), status: 200, body: "a"},
		"length too long":              {script: answered(ok + "Content-Length: 99999999999\r\n\r\nab"), status: 200, body: "ab", cut: true},
		"bad chunk":                    {script: answered(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), status: 200, cut: true},
		"error with a broken body":     {script: answered("HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\nabc"), status: 500, body: "abc", cut: true},
		"exactly the limit":            {script: answered(ok + "\r\n" + strings.Repeat("x", maxAnswerBody)), status: 200, body: strings.Repeat("x", maxAnswerBody)},
		"one byte more than the limit": {script: answered(ok + "\r\n" + strings.Repeat("x", maxAnswerBody+1)), status: 200, body: strings.Repeat("x", maxAnswerBody), cut: true},
		"NUL and no UTF-8 in the body": {script: answered(ok + "\r\n\x00\xff\xfe"), status: 200, body: "\x00\xff\xfe"},
		"answered before it has read": {script: func(p *peer) {
			_, _ = p.reader.ReadByte()
			p.say("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			p.silence()
		}, status: 413},
		"answered twice":                {script: answered(ok + "Content-Length: 2\r\n\r\nabHTTP/1.1 500 Oops\r\n\r\n"), status: 200, body: "ab"},
		"no content that has a content": {script: answered("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"), status: 204},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSender(t)
			r := listen(t, c.script)
			result := send(t, s, newDispatch(t, r.url))

			assert.Len(t, r.connections, 1, "one attempt is one connection")
			assert.Equal(t, c.status, result.ResponseStatus, result.Failure)
			assert.Contains(t, result.Failure, c.failure)
			assert.Equal(t, c.cut, result.ResponseBodyTruncated)
			assert.True(t, strings.HasPrefix(string(result.ResponseBody), c.body), "%.40q", result.ResponseBody)
			assertUsable(t, s)
		})
	}
}
