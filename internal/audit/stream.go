package audit

import (
	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// FromStream reads an entry out of the image of its item in the table's stream,
// as Lambda hands it out. An image that is no entry is an error.
func FromStream(image map[string]events.DynamoDBAttributeValue) (Entry, error) {
	item := make(map[string]types.AttributeValue, len(image))
	for name, value := range image {
		switch value.DataType() {
		case events.DataTypeString:
			item[name] = &types.AttributeValueMemberS{Value: value.String()}
		case events.DataTypeNumber:
			item[name] = &types.AttributeValueMemberN{Value: value.Number()}
		default: // of which an entry has none, so that no attribute of one may be it
			item[name] = &types.AttributeValueMemberNULL{Value: true}
		}
	}
	return decode(item)
}
