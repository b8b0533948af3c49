# The script of clients.test.ts, with the gem stomp: ruby script.rb PORT. Prints what it sees, line by line.
require 'stomp'
require 'timeout'

PORT = ARGV[0].to_i
SECONDS = 20

def connect(client_id: nil, beats: '0,0')
  headers = { 'accept-version' => '1.2', 'host' => 'localhost', 'heart-beat' => beats }
  headers['client-id'] = client_id if client_id
  host = { login: 'ann', passcode: 'secret', host: '127.0.0.1', port: PORT }
  Stomp::Connection.new(hosts: [host], connect_headers: headers, reliable: false)
end

def hear(connection)
  Timeout.timeout(SECONDS) { connection.receive }
end

# Waits for the receipt.
def send_to(connection, destination, body, headers = {})
  connection.publish(destination, body, headers.merge('receipt' => 'r'))
  frame = hear(connection)
  raise frame.command unless frame.command == 'RECEIPT' && frame.headers['receipt-id'] == 'r'
end

def leave(connection)
  connection.disconnect('receipt' => 'bye')
  raise 'no receipt' unless connection.disconnect_receipt.headers['receipt-id'] == 'bye'
end

# send, receive, receipt, headers with escapes
one = connect
send_to(one, '/queue/rb', 'hello', 'price' => '9:5', 'note' => "a\nb:c")
one.subscribe('/queue/rb', { 'ack' => 'auto' }, 's')
frame = hear(one)
puts "auto #{frame.body} #{frame.headers['price']} '#{frame.headers['note'].gsub("\n", '\\n')}'"
one.unsubscribe('/queue/rb', {}, 's')

# cumulative acks: the third comes again
%w[one two three].each { |body| send_to(one, '/queue/rb-acks', body) }
one.subscribe('/queue/rb-acks', { 'ack' => 'client' }, 'c')
frames = Array.new(3) { hear(one) }
one.ack(frames[1].headers['ack'])
leave(one)
one = connect
one.subscribe('/queue/rb-acks', { 'ack' => 'client-individual', 'prefetch-count' => '1' }, 'c')
frame = hear(one)
puts "client #{frame.body}"

# nack: it comes again, and is counted
one.nack(frame.headers['ack'])
frame = hear(one)
puts "nack #{frame.body} #{frame.headers['redelivered']} #{frame.headers['delivery-count']}"
one.ack(frame.headers['ack'])

# transactions
one.subscribe('/queue/rb-tx', { 'ack' => 'auto' }, 't')
one.begin('aborted')
one.publish('/queue/rb-tx', 'never', 'transaction' => 'aborted')
one.abort('aborted')
one.begin('committed')
one.publish('/queue/rb-tx', 'first', 'transaction' => 'committed')
one.publish('/queue/rb-tx', 'second', 'transaction' => 'committed')
one.commit('committed')
puts "transaction #{hear(one).body} #{hear(one).body}"
leave(one)

# a durable subscription of a topic
news = { 'activemq.subscriptionName' => 'news' }
one = connect(client_id: 'rb')
one.subscribe('/topic/rb', news.merge('receipt' => 'in'), 'd')
raise 'no receipt' unless hear(one).headers['receipt-id'] == 'in'
leave(one)
two = connect
send_to(two, '/topic/rb', 'missed')
one = connect(client_id: 'rb')
one.subscribe('/topic/rb', news, 'd')
puts "durable #{hear(one).body}"
one.unsubscribe('/topic/rb', news, 'd')
leave(one)
leave(two)

# bytes, and heart-beats that keep a quiet connection
one = connect(beats: '200,200')
sleep 1
send_to(one, '/queue/rb-bytes', [0, 255, 10, 0].pack('C*'))
one.subscribe('/queue/rb-bytes', { 'ack' => 'auto' }, 'b')
puts "bytes #{hear(one).body.unpack1('H*')}"
leave(one)
