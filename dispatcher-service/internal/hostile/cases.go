package hostile

import (
	"strings"
	"time"
)

// KeptBody is how many bytes of a response body are kept.
const KeptBody = 16 << 10

// Case is the script of a receiver and the expected result of an attempt.
type Case struct {
	Script func(*Peer)
	// Failure is a part of the expected failure reason; empty if a response is expected.
	Failure string
	Status  int
	Body    string // prefix of the expected body
	Cut     bool   // the kept body is incomplete
	// Lingers marks a receiver that never ends the exchange, so that the sender's timeout ends it.
	Lingers bool
}

// Patience is the timeout of a sender whose receiver ends the exchange by itself. It is a safety limit, so long that no verdict
// depends on the speed of the machine.
const Patience = time.Minute

const ok = "HTTP/1.1 200 OK\r\n"

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

// Cases are all cases by name.
var Cases = map[string]Case{
	"upgrade":                   {Script: func(p *Peer) { p.Request(); p.Say(switching); p.Drip("x", pause) }, Status: 101},
	"upgrade, then silence":     {Script: func(p *Peer) { p.Request(); p.Say(switching); p.Silence() }, Status: 101},
	"closed at once":            {Script: func(*Peer) {}, Failure: "before it answered"},
	"reset at once":             {Script: func(p *Peer) { p.Reset() }, Failure: "before it answered"},
	"reset before the headers":  {Script: func(p *Peer) { p.Request(); p.Reset() }, Failure: wasReset},
	"closed before the headers": {Script: Answered(""), Failure: closed},
	"reset amid the headers":    {Script: func(p *Peer) { p.Request(); p.Say(ok + "X-A: 1\r\n"); p.Reset() }, Failure: "before it answered"},
	"closed amid the headers":   {Script: Answered(ok + "X-A: 1\r\n"), Failure: closed},
	"closed amid the status":    {Script: Answered("HTTP/1.1 2"), Failure: invalid},
	"reset after the headers":   {Script: func(p *Peer) { p.Request(); p.Say(ok + "Content-Length: 9\r\n\r\nabc"); p.Reset() }, Status: 200, Cut: true},
	"closed after the headers":  {Script: Answered(ok + "Content-Length: 9\r\n\r\nabc"), Status: 200, Body: "abc", Cut: true},
	"closed amid a chunk":       {Script: Answered(ok + "Transfer-Encoding: chunked\r\n\r\n9\r\nabc"), Status: 200, Body: "abc", Cut: true},
	"silence":                   {Script: func(p *Peer) { p.Request(); p.Silence() }, Failure: timedOut, Lingers: true},
	"silence without reading":   {Script: func(p *Peer) { <-p.gone }, Failure: timedOut, Lingers: true},
	"silence after the headers": {Script: func(p *Peer) { p.Request(); p.Say(ok + "Content-Length: 9\r\n\r\nab"); p.Silence() }, Status: 200, Body: "ab", Cut: true, Lingers: true},
	"dripping status line":      {Script: func(p *Peer) { p.Request(); p.Drip("H", pause) }, Failure: timedOut, Lingers: true},
	"dripping headers":          {Script: func(p *Peer) { p.Request(); p.Say(ok); p.Drip("X-A: 1\r\n", pause) }, Failure: timedOut, Lingers: true},
	"dripping body":             {Script: func(p *Peer) { p.Request(); p.Say(ok + "\r\n"); p.Drip("x", pause) }, Status: 200, Body: "xx", Cut: true, Lingers: true},
	"endless body":              {Script: func(p *Peer) { p.Request(); p.Say(ok + "\r\n"); p.Drip(strings.Repeat("x", kilobyte), 0) }, Status: 200, Body: "xx", Cut: true},
	"endless chunks":            {Script: func(p *Peer) { p.Request(); p.Say(ok + "Transfer-Encoding: chunked\r\n\r\n"); p.Drip("1\r\nx\r\n", 0) }, Status: 200, Body: "x", Cut: true},
	"endless chunk extension":   {Script: func(p *Peer) { p.Request(); p.Say(ok + "Transfer-Encoding: chunked\r\n\r\n1;"); p.Drip("xxxx", 0) }, Status: 200, Cut: true},
	"endless trailers": {Script: func(p *Peer) {
		p.Request()
		p.Say(ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n")
		p.Drip("X-A: 1\r\n", 0)
	}, Status: 200, Cut: true},
	"endless status line":          {Script: func(p *Peer) { p.Request(); p.Drip(strings.Repeat("H", kilobyte), 0) }, Failure: tooLarge},
	"endless header":               {Script: func(p *Peer) { p.Request(); p.Say(ok + "X-A: "); p.Drip(strings.Repeat("x", kilobyte), 0) }, Failure: tooLarge},
	"flood of headers":             {Script: func(p *Peer) { p.Request(); p.Say(ok); p.Drip("X-A: 1\r\n", 0) }, Failure: tooLarge},
	"flood of cookies":             {Script: Answered(ok + headers(200, "Set-Cookie", strings.Repeat("c", 100)) + "\r\n"), Failure: tooLarge},
	"flood of 1xx":                 {Script: func(p *Peer) { p.Request(); p.Drip("HTTP/1.1 103 Early Hints\r\nX-A: 1\r\n\r\n", 0) }, Failure: tooLarge},
	"flood of bare 1xx":            {Script: func(p *Peer) { p.Request(); p.Drip("HTTP/1.1 100 Continue\r\n\r\n", 0) }, Failure: tooLarge},
	"1xx, then the answer":         {Script: Answered("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"), Status: 204},
	"status 0":                     {Script: Answered("HTTP/1.1 000 None\r\n\r\n"), Failure: invalid},
	"status 99":                    {Script: Answered("HTTP/1.1 099 Low\r\n\r\n"), Failure: invalid},
	"status 600":                   {Script: Answered("HTTP/1.1 600 High\r\n\r\nabc"), Status: 600, Body: "abc"},
	"status 999":                   {Script: Answered("HTTP/1.1 999 Highest\r\n\r\nabc"), Status: 999, Body: "abc"},
	"status of two digits":         {Script: Answered("HTTP/1.1 20 OK\r\n\r\n"), Failure: invalid},
	"status of four digits":        {Script: Answered("HTTP/1.1 2000 OK\r\n\r\n"), Failure: invalid},
	"status with a sign":           {Script: Answered("HTTP/1.1 -20 OK\r\n\r\n"), Failure: invalid},
	"status with a plus":           {Script: Answered("HTTP/1.1 +20 OK\r\n\r\n"), Failure: invalid},
	"no status":                    {Script: Answered("HTTP/1.1\r\n\r\n"), Failure: invalid},
	"not HTTP":                     {Script: Answered("SSH-2.0-OpenSSH_9.9\r\n"), Failure: invalid},
	"bytes":                        {Script: Answered("\x00\xff\x00\xff\r\n\r\n"), Failure: invalid},
	"HTTP of another kind":         {Script: Answered("HTTP/x.y 200 OK\r\n\r\n"), Failure: invalid},
	"header without a colon":       {Script: Answered(ok + "nonsense\r\n\r\n"), Failure: invalid},
	"header name with a space":     {Script: Answered(ok + "X A: 1\r\n\r\n"), Status: 200},
	"header name of bytes":         {Script: Answered(ok + "X\xff\x00: 1\r\n\r\n"), Failure: invalid},
	"NUL in a header":              {Script: Answered(ok + "X-A: a\x00b\r\n\r\n"), Failure: invalid},
	"two lengths":                  {Script: Answered(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), Failure: invalid},
	"negative length":              {Script: Answered(ok + "Content-Length: -1\r\n\r\nab"), Failure: invalid},
	"length that is no number":     {Script: Answered(ok + "Content-Length: many\r\n\r\nab"), Failure: invalid},
	"unknown transfer encoding":    {Script: Answered(ok + "Transfer-Encoding: smoke\r\n\r\nab"), Failure: invalid},
	"length too short":             {Script: Answered(ok + "Content-Length: 1\r\n\r\nab"), Status: 200, Body: "a"},
	"length too long":              {Script: Answered(ok + "Content-Length: 99999999999\r\n\r\nab"), Status: 200, Body: "ab", Cut: true},
	"bad chunk":                    {Script: Answered(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), Status: 200, Cut: true},
	"error with a broken body":     {Script: Answered("HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\nabc"), Status: 500, Body: "abc", Cut: true},
	"exactly the limit":            {Script: Answered(ok + "\r\n" + strings.Repeat("x", KeptBody)), Status: 200, Body: strings.Repeat("x", KeptBody)},
	"one byte more than the limit": {Script: Answered(ok + "\r\n" + strings.Repeat("x", KeptBody+1)), Status: 200, Body: strings.Repeat("x", KeptBody), Cut: true},
	"NUL and no UTF-8 in the body": {Script: Answered(ok + "\r\n\x00\xff\xfe"), Status: 200, Body: "\x00\xff\xfe"},
	"answered before it has read": {Script: func(p *Peer) {
		_, _ = p.reader.ReadByte()
		p.Say("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		p.Silence()
	}, Status: 413},
	"answered twice":                {Script: Answered(ok + "Content-Length: 2\r\n\r\nabHTTP/1.1 500 Oops\r\n\r\n"), Status: 200, Body: "ab"},
	"no content that has a content": {Script: Answered("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"), Status: 204},
}

func headers(count int, name, value string) string {
	return strings.Repeat(name+": "+value+"\r\n", count)
}
