package web

// Access is who may open a page.
type Access int

const (
	// Anybody needs no session, but may have one.
	Anybody Access = iota
	// Files are served without looking for a session.
	Files
	// Signed have a session, of whatever kind.
	Signed
	// Readers have a session for the organization in the address.
	Readers
	// Writers may change something of the organization.
	Writers
	// KeyReaders are readers whose session was not made by a link.
	KeyReaders
	// KeyWriters are writers whose session was not made by a link.
	KeyWriters
	// OperatorsOf have a session of the operator, for a page of an organization.
	OperatorsOf
	// Operators have a session of the operator.
	Operators
)

// inOrganization reports whether the page is one of an organization. Its path then has the part {organization}.
func (a Access) inOrganization() bool { return a >= Readers && a <= OperatorsOf }

func (a Access) forOperator() bool { return a == Operators || a == OperatorsOf }

func (a Access) writes() bool { return a == Writers || a == KeyWriters }

func (a Access) needsKey() bool { return a == KeyReaders || a == KeyWriters }

// Route is one page, or the target of one form.
type Route struct {
	Method string
	// Path is below Root, in the syntax of http.ServeMux.
	Path string
	For  Access
	// Framed says that a page that needs no session may be embedded where the installation allows it. The pages of customers always may, and
	// those of the operator never.
	Framed bool
	Handle func(q *Request) error
}
