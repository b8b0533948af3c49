import javax.jms.Connection;
import javax.jms.JMSException;
import javax.jms.MessageProducer;
import javax.jms.Session;
import javax.jms.TextMessage;
import org.apache.activemq.ActiveMQConnectionFactory;

/** Sends ten messages to queue-test, at the url that the client takes when it is told none. */
public class QueueProducer {
    public static void main(String[] args) throws JMSException {
        Connection connection = new ActiveMQConnectionFactory().createConnection();
        connection.start();
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        MessageProducer producer = session.createProducer(session.createQueue("queue-test"));
        for (int i = 0; i < 10; i++) {
            TextMessage message = session.createTextMessage("textMessage" + i);
            producer.send(message);
            System.out.println("发送消息：" + message.getText());
        }
        connection.close();
    }
}
