/**
 * The consumer of a queue (队列模式消费者), line by line as the course has it in Java. It listens until it is stopped.
 *
 *     npx node docs/examples/jms/queue-consumer.ts [URL]           mq://127.0.0.1:6768 unless told otherwise
 */
import process from 'node:process';
import { createConnectionFactory, Session, type TextMessage } from '../../../stages/5-robust-broker/jms/index.ts';

const url = process.argv[2] ?? 'mq://127.0.0.1:6768';
const queueName = 'queue-test';

// 1.创建ConnectionFactory
const connectionFactory = createConnectionFactory(url);
// 2.创建Connection
const connection = await connectionFactory.createConnection();
// 3.启动连接
await connection.start();

// 4.创建会话,false，不使用事务，自动应答模式
const session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
// 5.创建一个目标
const destination = session.createQueue(queueName);
// 6.创建消费者
const consumer = await session.createConsumer(destination);

// 7.创建一个监听器
consumer.setMessageListener((message) => {
  const textMessage = message as TextMessage;
  console.log(`接收消息：${textMessage.getText()}`);
});

// 8.关闭连接
// await connection.close();
