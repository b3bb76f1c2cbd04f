// Package bill says what requests to Portcullis cost its owner: first in the
// units that AWS bills, then in dollars.
//
//	a kind of request ──► calls and sizes ──► units ──► prices ──► dollars
//
// The units follow from what the code does. infra/e2e drives the real gate
// through a lock on DynamoDB's interface and compares the calls, and the capacity
// units that come back, with [Login.Store]; the templates' numbers are compared
// with [Deployed] and [Standing] in infra.
//
// The one decision a reader must know: a price is an input with a date and a
// page, and none of them was read from AWS by this code. Where it is not known
// whether something is billed at all, it is billed here, and [Request.Doubt] says
// so.
package bill
