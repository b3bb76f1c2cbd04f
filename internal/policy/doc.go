// Package policy keeps each client's maximum of failed logins, and answers the
// question that every login asks: how many failures does this client allow?
//
// [Store] keeps one parameter for each client in the SSM Parameter Store:
//
//	/portcullis/{stage}/clients/{client}/security/max-failed-login-attempts-portal
//
// Its value is one digit from 1 to 9; its description says who set it; its
// version is the policy's. [Cache] stands before it in the login function.
//
// The one decision a reader must know: whatever is stored, and whatever fails,
// the answer is a number from 1 to 9. A value that is anything else counts as 5
// and is reported; "unlimited" does not exist.
//
// What SSM cannot do: it has no conditional write, so a version check is a read
// followed by a write, and two changes at the same moment may both pass it. The
// function that changes policies runs one at a time for that reason. A parameter
// that is deleted and set again starts at version 1.
package policy
