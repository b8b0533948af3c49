/**
 * The publisher of a topic (订阅发布模式生产者), line by line as the course has it in Java.
 *
 *     npx node docs/examples/jms/topic-producer.ts [URL]           mq://127.0.0.1:6768 unless told otherwise; stage:5 needs no server
 */
import process from 'node:process';
import { createConnectionFactory, Session } from '../../../stages/5-robust-broker/jms/index.ts';

const url = process.argv[2] ?? 'mq://127.0.0.1:6768';
const topicName = 'topic-test';

// 1.创建ConnectionFactory
await using connectionFactory = createConnectionFactory(url);
// 2.创建Connection
const connection = await connectionFactory.createConnection();
// 3.启动连接
await connection.start();

// 4.创建会话,false，不使用事务，自动应答模式
const session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
// 5.创建一个目标
const destination = session.createTopic(topicName);
// 6.创建生产者
const producer = session.createProducer(destination);

// 7.创建消息并发送
for (let i = 0; i < 10; i += 1) {
  // 创建消息
  const textMessage = session.createTextMessage(`textMessage${i}`);
  // 发布消息
  await producer.send(textMessage);
  console.log(`发送消息：${textMessage.getText()}`);
}

// 8.关闭连接
await connection.close();
