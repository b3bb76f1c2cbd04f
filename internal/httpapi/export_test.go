package httpapi

// A Problem is a row of the table of problems, as its test compares it with the
// contract.
type Problem struct {
	Type, Title string
	Status      int
}

// Problems returns the whole table.
func Problems() []Problem {
	all := []Problem{{"urn:portcullis:problem:" + internalProblem.Slug, internalProblem.Title, internalProblem.Status}}
	for _, row := range problems {
		all = append(all, Problem{"urn:portcullis:problem:" + row.Slug, row.Title, row.Status})
	}
	return all
}
