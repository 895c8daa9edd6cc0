import json


def lambda_handler(event, context):
    path = event['path']
    http_method = event['httpMethod']

    if path == '/order' and http_method == 'POST':
        return {
            'statusCode': 201,
            'body': json.dumps({'message': 'Order created successfully.'})
        }
    elif path == '/user' and http_method == 'GET':
        return {
            'statusCode': 200,
            'body': json.dumps({'user': {'id': '123', 'name': 'John Doe'}})
        }
    else:
        return {
            'statusCode': 404,
            'body': json.dumps({'message': 'Resource not found.'})
        }
